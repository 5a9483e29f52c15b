import t from "tap"
import { parseEndpoint } from "../../lib/registry/endpoint-schema.js"
import { SettingError } from "../../lib/settings/setting-error.js"
import { poolRequest } from "../support/pool/pool-request.js"
import { thrownBy } from "../support/project/thrown.js"

const URL = "ws://chat.example:9000"

t.test("an entry needs nothing but a url", async (t) => {
  t.match(parseEndpoint("ep1", { url: "wss://chat.example/base/?a=1&b=%20" }), {
    id: "ep1",
    address: "wss://chat.example",
    basePath: "/base",
    query: "a=1&b=%20",
    queryNames: ["a", "b"],
    isActive: true,
    edits: [],
    maxConnections: 0,
  })
  t.match(parseEndpoint("ep1", { url: "http://chat.example/" }), {
    address: "http://chat.example",
    basePath: "",
    query: "",
  })
})

t.test("an entry brings fields, origins and a limit", async (t) => {
  const { edits, checkOrigin, maxConnections, isActive } = parseEndpoint("ep1", {
    url: URL,
    active: false,
    fields: { "X-Tenant": "a" },
    allowed_origins: ["https://*.example.com"],
    max_connections: 3,
  })
  t.match(edits, [{ action: "set", name: "X-Tenant", value: "a" }])
  t.equal(maxConnections, 3)
  t.equal(isActive, false)
  const from = (origin: string) => () => checkOrigin(poolRequest("/", ["Origin", origin]).fields)
  t.equal(thrownBy(from("https://app.example.com")), undefined)
  t.match(thrownBy(from("https://evil.example")), { reason: "bad_origin" })
})

const INVALID: readonly (readonly [entry: unknown, message: RegExp])[] = [
  [undefined, /expected a table with a url/],
  ["ws://chat.example", /expected a table with a url/],
  [[], /expected a table with a url/],
  [{}, /url: expected ws:/],
  [{ url: 5 }, /url: /],
  [{ url: URL, active: "yes" }, /active: expected true or false/],
  [{ url: URL, Active: true }, /unknown key Active/],
  [{ url: URL, fields: { "X-A": "a\r\nb" } }, /fields: the value of "X-A"/],
  [{ url: URL, fields: { Upgrade: "h2c" } }, /fields: "Upgrade" can't be changed/],
  [{ url: URL, fields: { "X-A": 1 } }, /fields.X-A: expected text/],
  [{ url: URL, allowed_origins: ["app.example.com"] }, /allowed_origins.0: /],
  [{ url: URL, allowed_origins: "https://app.example.com" }, /allowed_origins: expected a list/],
  [{ url: URL, max_connections: -1 }, /max_connections: /],
  [{ url: URL, max_connections: 1.5 }, /max_connections: /],
]

for (const [entry, message] of INVALID) {
  t.test(`${JSON.stringify(entry)} is not an entry`, async (t) => {
    const error = thrownBy(() => parseEndpoint("ep1", entry))
    t.ok(error instanceof SettingError)
    t.match(error, { message: /^endpoint "ep1": / })
    t.match(error, { message })
  })
}

const BAD_URLS: readonly string[] = [
  ...["", "chat.example", "chat.example:9000", "unix:/run/x.sock", "ws://", "ws:///path", "ws://a b/"],
  ...["ws://unix:/run/x.sock", "ws://unix:80", "ftp://chat.example", "javascript:alert(1)", "//chat.example"],
  ...["ws://user:secret@chat.example", "ws://secret@chat.example", "ws://chat.example@evil.example:secret/"],
  ...[
    "ws://chat.example#secret",
    "ws://chat.example/?a#secret",
    "ws://chat.example/a b",
    "ws://chat.example/?\n",
  ],
  ...["ws://chat.example/../secret", "ws://chat.example/%2e%2e/secret", "ws://chat.example\\@evil.example"],
  ...[
    "ws://chat.example:0",
    "ws://chat.example:99999",
    "ws://chat.example:",
    "ws://[::1",
    "ws://[fe80::1]x/",
  ],
  ...["ws://ch\u00e4t.example", "ws://chat.example/\u00e4", "ws://chat.example\r\nX: secret"],
]

for (const url of BAD_URLS) {
  t.test(`${JSON.stringify(url)} is not the url of an endpoint`, async (t) => {
    const error = thrownBy(() => parseEndpoint("ep1", { url }))
    t.ok(error instanceof SettingError)
    t.notMatch(error, { message: /secret/ }, "what may be a password is not repeated")
  })
}
