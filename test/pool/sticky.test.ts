import { createHmac } from "node:crypto"
import t from "tap"
import { Backend } from "../../lib/pool/backend.js"
import { Pool } from "../../lib/pool/pool.js"
import { OWN_ROWS, poolRows } from "../../lib/pool/pool-rows.js"
import { createSticky, type Sticky } from "../../lib/pool/sticky.js"
import { STICKY_DEFAULTS, type StickyAttributes } from "../../lib/pool/sticky-settings.js"
import { SettingError } from "../../lib/settings/setting-error.js"
import { Rows } from "../../lib/shared/rows.js"
import { backendsOf, namesOf } from "../support/pool/backends.js"
import { poolRequest } from "../support/pool/pool-request.js"
import { thrownBy } from "../support/project/thrown.js"

const [A, B, C] = ["A:9000", "B:9000", "C:9000"].map((address) => new Backend(address)) as [
  Backend,
  Backend,
  Backend,
]

/** The fields of a request with one Cookie field. */
function bringing(cookie: string) {
  return poolRequest("/", ["Cookie", cookie]).fields
}

function tokenOf(sticky: Sticky, backend: Backend): string {
  return /=([^;]*);/.exec(sticky.fieldFor(backend, [], false)?.line ?? "")?.[1] ?? ""
}

t.test(
  "the cookie is one line with all that keeps it from scripts, other sites and plain text",
  async (t) => {
    const sticky = createSticky("sid", "secret")
    const token = tokenOf(sticky, A)
    t.match(token, /^[A-Za-z0-9_-]{22}$/)
    const line = `Set-Cookie: sid=${token}; Path=/; HttpOnly; SameSite=Lax`
    t.equal(sticky.fieldFor(A, [], false)?.line, `${line}\r\n`)
    t.equal(sticky.fieldFor(A, [], true)?.line, `${line}; Secure\r\n`)
  },
)

t.test("the cookie's value is a keyed hash of the backend's name, cut to 16 bytes", async (t) => {
  const whole = createHmac("sha256", "secret").update("A:9000").digest()
  t.same(Buffer.from(tokenOf(createSticky("sid", "secret"), A), "base64url"), whole.subarray(0, 16))
})

t.test("with the same secret, another process makes the same tokens", async (t) => {
  const again = new Backend("A:9000")
  t.equal(tokenOf(createSticky("sid", "secret"), A), tokenOf(createSticky("other", "secret"), again))
})

t.test("tokens differ by backend and by secret, and can't be guessed without the secret", async (t) => {
  const stickies = ["secret", "Secret", OWN_ROWS.stickySecret()].map((secret) => createSticky("sid", secret))
  const tokens = stickies.flatMap((sticky) => [A, B, C].map((backend) => tokenOf(sticky, backend)))
  t.equal(new Set(tokens).size, 9)
})

t.test("without a secret, all pools of a process make the same tokens", async (t) => {
  const [own, shared] = [OWN_ROWS, poolRows(new Rows(), "pool")].map((rows) => rows.stickySecret())
  t.same(own, shared)
})

t.test("the backend that the cookie names comes first and the others keep their order", async (t) => {
  const sticky = createSticky("sid", "secret")
  for (const [backend, order] of [
    [A, "ABC"],
    [B, "BAC"],
    [C, "CAB"],
  ] as const) {
    const fields = bringing(`a=b; sid=${tokenOf(sticky, backend)}; c=d`)
    t.equal(namesOf(sticky.prefer([A, B, C], fields)).join(""), order)
  }
})

t.test("a backend that is not in the order is not put there", async (t) => {
  const sticky = createSticky("sid", "secret")
  t.equal(namesOf(sticky.prefer([A, B], bringing(`sid=${tokenOf(sticky, C)}`))).join(""), "AB")
})

t.test("of several cookies, the first that matches a backend of the order counts", async (t) => {
  const sticky = createSticky("sid", "secret")
  const [a, b, c] = [A, B, C].map((backend) => `sid=${tokenOf(sticky, backend)}`)
  t.equal(namesOf(sticky.prefer([A, B], bringing(`sid=odd; ${c}; ${b}; ${a}`))).join(""), "BA")
})

t.test("a client that sends the cookie of its backend gets no new one", async (t) => {
  const sticky = createSticky("sid", "secret")
  const fields = bringing(`sid=${tokenOf(sticky, A)}`)
  t.equal(sticky.fieldFor(A, fields, true), undefined)
  t.match(sticky.fieldFor(B, fields, true)?.line, `sid=${tokenOf(sticky, B)};`)
})

const ODD = [
  "",
  "sid",
  "sid=",
  "sid=A:9000",
  "sid=\xff\0;;=",
  `sid=${"A".repeat(22)}`,
  `sid=${"A".repeat(8000)}`,
  "sid=__proto__",
]

for (const cookie of ODD) {
  t.test(
    `the cookie ${JSON.stringify(cookie.slice(0, 40))} names no backend and changes nothing`,
    async (t) => {
      const sticky = createSticky("sid", "secret")
      t.equal(namesOf(sticky.prefer([B, A, C], bringing(cookie))).join(""), "BAC")
      t.match(sticky.fieldFor(A, bringing(cookie), false)?.line, /^Set-Cookie: sid=[\w-]{22};/)
    },
  )
}

t.test("a token of another secret, or a truncated one, matches no backend", async (t) => {
  const sticky = createSticky("sid", "secret")
  const foreign = tokenOf(createSticky("sid", "other"), B)
  const own = tokenOf(sticky, B)
  for (const token of [foreign, own.slice(1), own.slice(0, -1), own.toUpperCase(), `"${own}"`]) {
    t.equal(namesOf(sticky.prefer(backendsOf(1, 1, 1), bringing(`sid=${token}`))).join(""), "ABC")
  }
})

for (const cookie of ["", "a b", "a;b", "a=b", "a\r\nSet-Cookie: b=c"]) {
  t.test(`${JSON.stringify(cookie)} is refused as the cookie's name`, async (t) => {
    t.type(
      thrownBy(() => createSticky(cookie, "secret")),
      SettingError,
    )
  })
}

t.test("an empty secret, with which anyone could make tokens, is refused", async (t) => {
  t.type(
    thrownBy(() => createSticky("sid", "")),
    SettingError,
  )
})

const ATTRIBUTES: readonly { attributes: Partial<StickyAttributes>; plain: string; tls?: string }[] = [
  { attributes: {}, plain: "Path=/; HttpOnly; SameSite=Lax" },
  { attributes: { same_site: "strict" }, plain: "Path=/; HttpOnly; SameSite=Strict" },
  {
    attributes: { domain: "example.com", path: "/chat", max_age_s: 3600 },
    plain: "Path=/chat; Domain=example.com; Max-Age=3600; HttpOnly; SameSite=Lax",
  },
  {
    attributes: { same_site: "none" },
    plain: "Path=/; HttpOnly; SameSite=None; Secure",
    tls: "Path=/; HttpOnly; SameSite=None; Secure",
  },
  {
    attributes: { same_site: "none", partitioned: true },
    plain: "Path=/; HttpOnly; SameSite=None; Partitioned; Secure",
    tls: "Path=/; HttpOnly; SameSite=None; Partitioned; Secure",
  },
  {
    attributes: { partitioned: true },
    plain: "Path=/; HttpOnly; SameSite=Lax; Partitioned; Secure",
    tls: "Path=/; HttpOnly; SameSite=Lax; Partitioned; Secure",
  },
]

for (const { attributes, plain, tls = `${plain}; Secure` } of ATTRIBUTES) {
  t.test(
    `the attributes ${JSON.stringify(attributes)} are written, with Secure where they need it`,
    async (t) => {
      const sticky = createSticky("sid", "secret", { ...STICKY_DEFAULTS, ...attributes })
      const cookie = `Set-Cookie: sid=${tokenOf(sticky, A)}`
      t.equal(sticky.fieldFor(A, [], false)?.line, `${cookie}; ${plain}\r\n`)
      t.equal(sticky.fieldFor(A, [], true)?.line, `${cookie}; ${tls}\r\n`)
    },
  )
}

for (const name of ["__Host-sid", "__Secure-sid", "__host-sid"]) {
  t.test(`the cookie ${name}, which browsers take only with Secure, always has it`, async (t) => {
    t.match(createSticky(name, "secret").fieldFor(A, [], false)?.line, /; Secure\r\n$/)
  })
}

t.test("the lifetime of a cookie with max_age_s begins anew with each connection", async (t) => {
  const sticky = createSticky("sid", "secret", { ...STICKY_DEFAULTS, max_age_s: 60 })
  const token = tokenOf(sticky, A)
  t.match(sticky.fieldFor(A, bringing(`sid=${token}`), false)?.line, `sid=${token}; Path=/; Max-Age=60;`)
})

t.test(
  "a pool made by a program may leave attributes out, and sends its cookie with those it has",
  async (t) => {
    const pool = new Pool(["A:9000"], {
      sticky_cookie: "sid",
      sticky_attributes: { same_site: "none", partitioned: true, path: undefined },
    })
    const [backend = A] = pool.members
    const { line } = pool.stickyField(backend, poolRequest("/"), false) ?? {}
    t.match(line, /; Path=\/; HttpOnly; SameSite=None; Partitioned; Secure\r\n$/)
  },
)
