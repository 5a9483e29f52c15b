import t from "tap"
import { STICKY_DEFAULTS, stickyAttributesSchema } from "../../lib/pool/sticky-settings.js"

t.test(
  "without attributes the cookie is for all paths of this host, pages of this site and one session",
  async (t) => {
    t.strictSame(STICKY_DEFAULTS, { same_site: "lax", partitioned: false, path: "/", max_age_s: 0 })
  },
)

const good: readonly Readonly<Record<string, unknown>>[] = [
  { same_site: "none", partitioned: true },
  { same_site: "strict" },
  { domain: "example.com" },
  { domain: "a-b.example" },
  { path: "/chat/%20" },
  { max_age_s: 34_560_000 },
]

for (const attributes of good) {
  t.test(`${JSON.stringify(attributes)} are attributes of the cookie`, async (t) => {
    t.match(stickyAttributesSchema.parse(attributes), attributes)
  })
}

const DOMAIN = 'expected a domain, as in "example.com"'
const PATH = 'expected a path, as in "/chat"'
const AGE = "expected 0 to 34560000"

const bad: readonly [attributes: unknown, message: string][] = [
  [true, 'expected a table, as in { same_site = "none", partitioned = true }'],
  [{ same_site: "Lax" }, "expected one of lax, strict, none"],
  [{ partitioned: "yes" }, "expected true or false"],
  [{ domain: "" }, DOMAIN],
  [{ domain: ".example.com" }, DOMAIN],
  [{ domain: "example.com; Path=/" }, DOMAIN],
  [{ domain: "example.com\r\n" }, DOMAIN],
  [{ domain: "example.com:80" }, DOMAIN],
  [{ path: "" }, PATH],
  [{ path: "chat" }, PATH],
  [{ path: "/; Secure" }, PATH],
  [{ path: "/\n" }, PATH],
  [{ max_age_s: -1 }, AGE],
  [{ max_age_s: 34_560_001 }, AGE],
  [{ max_age_s: 0.5 }, "expected a whole number"],
]

for (const [attributes, message] of bad) {
  t.test(`${JSON.stringify(attributes)} are refused as attributes of the cookie`, async (t) => {
    const [issue] = stickyAttributesSchema.safeParse(attributes).error?.issues ?? []
    t.equal(issue?.message, message)
  })
}
