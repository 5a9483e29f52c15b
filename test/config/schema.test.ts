import t from "tap"
import { z } from "zod"
import { LISTENER as LISTENER_TABLE } from "../../lib/config/known-tables.js"
import { listenerSchema } from "../../lib/config/listener-schema.js"
import { checkConfig, toSettings } from "../../lib/config/load.js"
import { ConfigError, formatPath } from "../../lib/config/problem.js"
import { LOG_LEVELS } from "../../lib/config/schema.js"
import { Pool } from "../../lib/pool/pool.js"
import { deadlineMs, limit as limitKind, optionalMs } from "../../lib/settings/kinds.js"
import { thrownBy } from "../support/project/thrown.js"

const LISTENER = { bind: "127.0.0.1:8080", backends: ["127.0.0.1:9000"] }

t.test("a listener needs only its address and its backends", async (t) => {
  const { log, ws_proxy } = toSettings({ ws_proxy: [LISTENER] })
  t.match(log, { level: "info", format: undefined, open: false, sample: 1 })
  t.equal(ws_proxy.length, 1)
})

t.test("a key that is left out has the default that the reference names", async (t) => {
  const [parsed] = toSettings({ ws_proxy: [LISTENER] }).ws_proxy
  const values = new Map<string, unknown>(Object.entries(parsed ?? {}))
  const scalars = LISTENER_TABLE.settings.filter(({ key, type, ...setting }) => {
    return values.has(key) && setting.default !== undefined && type !== "list" && type !== "table"
  })
  t.ok(scalars.length >= 15)
  for (const { key, default: standard } of scalars) t.equal(values.get(key), standard, key)
})

t.test("every key has a description, which the command line shows", async (t) => {
  const { properties = {} } = z.toJSONSchema(listenerSchema, { io: "input", unrepresentable: "any" })
  t.strictSame(Object.keys(properties), Object.keys(listenerSchema.shape))
  for (const [key, property] of Object.entries(properties)) {
    t.match(property, { description: /^[A-Z].+[^.]$/ }, key)
  }
})

t.test("a key set to undefined counts as absent", async (t) => {
  const { ws_proxy } = toSettings({
    ws_proxy: [{ ...LISTENER, name: undefined, idle_timeout_ms: undefined }],
  })
  t.equal(ws_proxy[0]?.idle_timeout_ms, 0)
})

t.test("backends may be a Pool, even an empty one", async (t) => {
  const pool = new Pool([])
  t.equal(checkConfig({ ws_proxy: [{ ...LISTENER, backends: pool }] }).ws_proxy[0]?.backends, pool)
})

const notWhole: readonly unknown[] = [
  "5000",
  1.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  true,
  null,
  [],
  {},
  5000n,
  new Date(0),
]
const notText: readonly unknown[] = [1, true, null, [], {}, new Date(0)]
const MS = /^expected a whole number of milliseconds$/
const TOO_LONG = /2147483647/

interface Rule {
  readonly good: readonly unknown[]
  readonly bad: readonly (readonly [value: unknown, message: RegExp])[]
}

function each(values: readonly unknown[], message: RegExp): Rule["bad"] {
  return values.map((value) => [value, message] as const)
}

const deadline: Rule = {
  good: [1, 5000, 2 ** 31 - 1],
  bad: [
    ...each(notWhole, MS),
    ...each([0, -1, -5000], /^expected at least 1 ms; this deadline can't be switched off$/),
    ...each([2 ** 31, 1e10], TOO_LONG),
  ],
}

const optional: Rule = {
  good: [0, 1, 5000, 2 ** 31 - 1],
  bad: [
    ...each(notWhole, MS),
    ...each([-1, -5000], /^expected 0 \(off\) or a number of milliseconds$/),
    ...each([2 ** 31, 1e10], TOO_LONG),
  ],
}

const limit: Rule = {
  good: [0, 1, 1_000_000],
  bad: [...each(notWhole, /^expected a whole number$/), ...each([-1], /^expected 0 \(unlimited\) or more$/)],
}

const closeCode: Rule = {
  good: [1000, 1001, 1012, 3000, 4999],
  bad: [
    ...each(notWhole, /^expected a close code$/),
    ...each([0, 999, 1005, 1006, 1015, 5000], /^expected a code that RFC 6455 lets an endpoint send/),
  ],
}

/** Rules of the keys that are of none of the common kinds. */
const ownRules: Readonly<Partial<Record<keyof typeof listenerSchema.shape, Rule>>> = {
  name: { good: ["a", "chat (old)"], bad: each(["", 1, true, null, {}, new Date(0)], /./) },
  bind: {
    good: ["127.0.0.1:0", "0.0.0.0:80", "[::]:80", "unix:/run/rws.sock", "localhost:80"],
    bad: [
      ...each(notText, /^expected an address, as in "0\.0\.0\.0:8080"$/),
      ...each(
        ["", "8080", ":8080", "*:8080", "ws://localhost:80", "[::]"],
        / is not an address: expected host:port/,
      ),
      ["ws://localhost:80", /; leave out the ws:\/\/$/],
      ...each(
        ["wss://localhost:443", "https://0.0.0.0:443", "HTTPS://a"],
        /; rws does not terminate TLS: put a TLS terminator in front$/,
      ),
      ["localhost:65536", /port 65536 is out of range/],
      ["unix:rws.sock", /absolute path/],
    ],
  },
  // Has no effect on a TCP listener: see below and conflicts.test.ts.
  bind_mode: { good: [], bad: [] },
  reuse_port: { good: [false], bad: each([1, "yes", null], /^expected true or false$/) },
  backends: {
    good: [
      ["a:1"],
      ["a:1", "b:1"],
      ["a:1", "a:1"],
      ["ws://a", "unix:/run/chat.sock", "[::1]:1", "wss://a/base"],
      [{ address: "a:1", weight: 1000, max_connections: 1, backup: true }],
      [{ address: "a:1", weight: 0 }],
      [{ address: "a:1", drain: true }],
    ],
    bad: [
      ...each(
        ["a:1", 1, true, null, {}, new Set(["a:1"])],
        /^expected a list of addresses, as in \["127\.0\.0\.1:9000"\]$/,
      ),
      [[], /^expected at least one$/],
    ],
  },
  // What a pool is named by stands in no listener that has backends: see conflicts.test.ts.
  pool: { good: [], bad: [] },
  balance: {
    good: ["round_robin", "least_connections", "random"],
    bad: [
      ["least_conn", /; did you mean "least_connections"\?$/],
      ...each(["", 1, null], /^expected one of round_robin, least_connections, random, hash$/),
    ],
  },
  hash_key: { good: [], bad: [] },
  sticky_cookie: {
    good: ["rws", "chat-backend"],
    bad: each(["", "a b", "a=b", "a;b"], /^expected the name of a cookie/),
  },
  sticky_secret: { good: [], bad: [] },
  // Only beside a sticky cookie: see sticky-settings.test.ts.
  sticky_attributes: { good: [], bad: [] },
  fail_on: {
    good: [["dial"], ["dial", "handshake", "status:503"]],
    bad: [
      [[], /^expected at least one$/],
      ...each(["dial", true, null, {}], /^expected a list, as in \["dial", "handshake"\]/),
      [["dials"], /^"dials" is not a failure: expected "dial", "handshake" or a status/],
    ],
  },
  on_backend_down: { good: ["keep", "close"], bad: each([true, "", null], /^expected one of keep, close$/) },
  local_addresses: {
    good: [["127.0.0.2"], ["10.0.0.5", "fd00::5"]],
    bad: [
      [[], /^expected at least one$/],
      ...each(["10.0.0.5", true, null], /^expected a list of IP addresses/),
      ...each(
        [["localhost"], ["10.0.0.5:80"], ["10.0.0.0/8"]],
        /^expected an IP address, as in "10\.0\.0\.5"$/,
      ),
    ],
  },
  send_proxy_protocol: { good: ["v1", "v2"], bad: each([1, "1", true, null], /^expected one of v1, v2$/) },
  health_check: {
    good: [],
    bad: each([true, "tcp", null, 1], /^expected a table, as in \[pool\.NAME\.health_check\]$/),
  },
  tls: { good: [], bad: [] },
  route: {
    good: [[]],
    bad: each([{}, true, "a", null], /^expected \[\[ws_proxy\.route\]\], with two pairs/),
  },
  keepalive_ms: {
    good: [0, 1000, 60_000, 2 ** 31 - 1],
    bad: [
      ...each(notWhole, MS),
      ...each([-1, 1, 999], /^expected 0 \(off\) or at least 1000/),
      ...each([2 ** 31, 1e10], TOO_LONG),
    ],
  },
  max_head_bytes: {
    good: [64, 8192, 65_536],
    bad: [
      ...each(notWhole, /^expected a whole number of bytes$/),
      ...each([63, 0, -1], /^expected at least 64 bytes$/),
      ...each([65_537, 1e9], /^expected at most 65536 bytes$/),
    ],
  },
  rate_per_ip: {
    good: ["1/s", "100/m", "1000/h", "1000000/s"],
    bad: [
      ...each(notText, /^expected a rate, as in "20\/s"$/),
      ...each(["", "20", "0/s", "1.5/s", "20/d", "20 /s", "-1/s"], / is not a rate: expected e\.g\. "20\/s"/),
      ["1000001/s", /too high/],
    ],
  },
  // More than 0 only beside a rate: see conflicts.test.ts.
  rate_burst: { good: [0], bad: [] },
  trusted_proxies: {
    good: [[], ["10.0.0.0/8", "::1", "fd00::/8", "unix"], ["private_ranges"]],
    bad: each(["10.0.0.0/8", 1, true, null, {}], /^expected a list of addresses$/),
  },
  // True only beside trusted proxies.
  accept_proxy_protocol: { good: [false], bad: each([1, "yes", null], /^expected true or false$/) },
  client_tls: { good: [true, false], bad: each([1, "yes", null], /^expected true or false$/) },
  trace_headers: { good: [false], bad: each([1, "yes", null], /^expected true or false$/) },
  forwarded: {
    good: ["x-forwarded", "rfc7239", "both", "off"],
    bad: each(["X-Forwarded", "", true, null], /^expected one of x-forwarded, rfc7239, both, off/),
  },
  request_headers: {
    good: [{ set: { "X-A": "1" }, remove: ["Cookie"] }],
    bad: [
      [true, /^expected a table with set and remove$/],
      ...each(
        [
          { set: { Host: "a" }, remove: [] },
          { set: {}, remove: ["Sec-WebSocket-Key"] },
          { set: {}, remove: ["Connection"] },
        ],
        / can't be changed: it belongs to the handshake/,
      ),
      [{ set: { "X-A": "1\r\nX-B: 2" }, remove: [] }, /control character/],
      [{ set: { "X A": "1" }, remove: [] }, / is not a field name/],
      [{ set: { "X-A": "1" }, remove: ["x-a"] }, / is both set and removed/],
    ],
  },
  response_headers: {
    good: [{ set: { "X-A": "1" }, remove: ["Server"] }],
    bad: [[{ set: {}, remove: ["Upgrade"] }, / can't be changed/]],
  },
  allowed_origins: {
    good: [[], ["https://app.example.com", "https://*.example.com", "null", "http://localhost:3000"]],
    bad: each(["https://a", true, null], /^expected a list of origins/),
  },
  status_path: {
    good: ["/healthz", "/", "/a/b%20c"],
    bad: [
      ...each(notText, /^expected a path, as in "\/healthz"$/),
      ...each(["", "healthz", "/a?b", "/a#b", "/a b", "/ä"], / is not a path: expected e\.g\. "\/healthz"/),
    ],
  },
  close_frames: { good: [true, false], bad: each([1, "yes", null], /^expected true or false$/) },
  client_close_code: closeCode,
  backend_close_code: closeCode,
  require_origin: { good: [true, false], bad: each([1, "yes", null], /^expected true or false$/) },
  origin: {
    good: ["https://app.example.com", "http://localhost:3000", "https://[::1]:8443"],
    bad: [
      ...each(notText, /^expected an origin, as in "https:\/\/app\.example\.com"$/),
      ...each(
        [
          ...[
            "",
            "null",
            "app.example.com",
            "https://",
            "https://*.example.com",
            "https://a/",
            "https://a/b",
          ],
          ...["https://a b", "https://a\r\nX: y", "https://a,b", "https://u@a", "https://a?b"],
        ],
        / is not an origin: expected scheme:\/\/host\[:port\], without a path$/,
      ),
    ],
  },
  // Tables have tests of their own, and a registry needs its table: see cross-checks.test.ts.
  jwt: { good: [], bad: each(["on", true, null], /./) },
  forward_auth: { good: [], bad: each(["on", true, null], /./) },
  registry: { good: [], bad: each(notText, /^expected the name of a registry$/) },
  registry_key: { good: [], bad: [] },
  keep_key: { good: [], bad: [] },
  subprotocols: {
    good: [[], ["v1.chat", "mqtt"]],
    bad: each(["mqtt", true, null], /^expected a list of subprotocols$/),
  },
  host_header: {
    good: ["backend", "client", "chat.example", "chat.example:8080", "[::1]:8080"],
    bad: [
      ...each(notText, /./),
      ...each(
        ["", "a b", "a\r\nX: y", "http://a", "a/", "user@a", "a:65536", "a:", "\xe9"],
        /^expected "backend", "client" or a literal host\[:port\]$/,
      ),
    ],
  },
}

const kinds = new Map<z.core.$ZodType, Rule>([
  [deadlineMs, deadline],
  [optionalMs, optional],
  [limitKind, limit],
])

function ruleOf(key: string, schema: z.core.$ZodType): Rule {
  const own = new Map(Object.entries(ownRules)).get(key) ?? kinds.get(schema)
  if (own !== undefined) return own
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodOptional)
    return ruleOf(key, schema.def.innerType)
  throw new Error(`${key} has no rule`)
}

for (const [key, schema] of Object.entries(listenerSchema.shape)) {
  const { good, bad } = ruleOf(key, schema)
  for (const value of good) {
    t.test(`${key} may be ${show(value)}`, async (t) => {
      const config = checkConfig({ ws_proxy: [{ ...LISTENER, [key]: value }] })
      t.same(new Map(Object.entries(config.ws_proxy[0] ?? {})).get(key), value)
    })
  }

  for (const [value, message] of bad) {
    t.test(`${key} can't be ${show(value)}, and nothing else is reported`, async (t) => {
      const error = thrownBy(() => checkConfig({ ws_proxy: [{ ...LISTENER, [key]: value }] }, "test"))
      if (!(error instanceof ConfigError)) throw error ?? new Error("it was accepted")
      const [{ path = [], message: said = "" } = {}, ...more] = error.problems
      t.same(path.slice(0, 3), ["ws_proxy", 0, key])
      t.match(said, message)
      t.same(more, [])
      t.equal(error.message, `test: ${formatPath(path)}: ${said}`)
    })
  }
}

for (const mode of ["0660", "660", "0600", "777", "0000"]) {
  t.test(`the permissions of a Unix socket may be ${mode}`, async (t) => {
    const config = checkConfig({ ws_proxy: [{ ...LISTENER, bind: "unix:/run/rws.sock", bind_mode: mode }] })
    t.equal(config.ws_proxy[0]?.bind_mode, mode)
  })
}

const wrongModes = [
  ...each(notText, /^expected a mode in octal, as text: "0660"$/),
  ...each(
    ["", "66", "660 ", "0o660", "00660", "1777", "0668", "rw-rw----"],
    /" is not a mode: expected e\.g\. "0660"$/,
  ),
]

for (const [value, message] of wrongModes) {
  t.test(`the permissions of a Unix socket can't be ${show(value)}`, async (t) => {
    const listener = { ...LISTENER, bind: "unix:/run/rws.sock", bind_mode: value }
    const error = thrownBy(() => checkConfig({ ws_proxy: [listener] }))
    if (!(error instanceof ConfigError)) throw error ?? new Error("it was accepted")
    t.match(error.problems, [{ path: ["ws_proxy", 0, "bind_mode"], message }])
    t.equal(error.problems.length, 1)
  })
}

for (const level of LOG_LEVELS) {
  t.test(`the log level may be ${level}`, async (t) => {
    t.equal(toSettings({ log: { level }, ws_proxy: [LISTENER] }).log.level, level)
  })
}

for (const level of ["INFO", "fatal", "", 30, true, null]) {
  t.test(`the log level can't be ${show(level)}, and the error lists the levels`, async (t) => {
    const error = thrownBy(() => checkConfig({ log: { level }, ws_proxy: [LISTENER] }))
    t.match(error, { problems: [{ path: ["log", "level"], message: LOG_LEVELS.join(", ") }] })
  })
}

for (const config of [null, undefined, 1, "text", [], true, new Date(0)]) {
  t.test(`${show(config)} is not a configuration`, async (t) => {
    t.type(
      thrownBy(() => checkConfig(config)),
      ConfigError,
    )
  })
}

t.test("every table is closed", async (t) => {
  for (const config of [
    { ws_proxy: [LISTENER], more: 1 },
    { ws_proxy: [{ ...LISTENER, more: 1 }] },
    { ws_proxy: [LISTENER], log: { more: 1 } },
  ]) {
    const error = thrownBy(() => checkConfig(config))
    t.match(error, { problems: [{ message: /^unknown key/ }] })
  }
})

t.test("two listeners with the same address are an error, with and without names", async (t) => {
  const taken = {
    problems: [{ path: ["ws_proxy", 1, "bind"], message: '"127.0.0.1:8080" is taken by ws_proxy[0]' }],
  }
  t.match(
    thrownBy(() =>
      checkConfig({
        ws_proxy: [
          { ...LISTENER, name: "a" },
          { ...LISTENER, name: "b" },
        ],
      }),
    ),
    taken,
  )
  const error = thrownBy(() => checkConfig({ ws_proxy: [LISTENER, LISTENER] }))
  if (!(error instanceof ConfigError)) throw error ?? new Error("it was accepted")
  t.ok(error.problems.some(({ path }) => path.at(-1) === "bind"))
})

t.test("the error for a third listener names the first one", async (t) => {
  const error = thrownBy(() =>
    checkConfig({ ws_proxy: ["a", "b", "c"].map((name) => ({ ...LISTENER, name })) }),
  )
  t.match(error, {
    problems: [
      { path: ["ws_proxy", 1, "bind"], message: /ws_proxy\[0\]$/ },
      { path: ["ws_proxy", 2, "bind"], message: /ws_proxy\[0\]$/ },
    ],
  })
})

/** A value as a title can show it. */
function show(value: unknown): string {
  if (typeof value === "bigint") return `${value}n`
  if (typeof value === "number" || value === undefined) return String(value)
  if (value instanceof Set) return "a set"
  return value instanceof Date ? "a date" : (JSON.stringify(value) ?? String(value))
}
