import t from "tap"
import { checkConfig } from "../../lib/config/load.js"
import { ConfigError } from "../../lib/config/problem.js"
import { hasReusePort } from "../../lib/net/reuse-port.js"
import { Pool } from "../../lib/pool/pool.js"
import { thrownBy } from "../support/project/thrown.js"

const BIND = { bind: "127.0.0.1:8080" }
const LISTENER = { ...BIND, backends: ["127.0.0.1:9000"] }
const POOL = { backends: ["127.0.0.1:9000"] }
const REGISTRY = { store: "http", url: "http://127.0.0.1:1/{key}" }

interface Conflict {
  readonly title: string
  readonly listener: object
  readonly pools?: object
  readonly registries?: object
  /** From the listener on, or from the top where it begins with "pool", or names a registry. */
  readonly path: readonly (string | number)[]
  readonly message: RegExp
}

const conflicts: readonly Conflict[] = [
  {
    title: "neither backends, pool nor route",
    listener: BIND,
    path: ["backends"],
    message: /^required, but missing$/,
  },
  {
    title: "a pool beside backends",
    listener: { ...LISTENER, pool: "a" },
    pools: { a: POOL },
    path: ["pool"],
    message: /^cannot be combined with backends$/,
  },
  {
    title: "a pool that there is not",
    listener: { ...BIND, pool: "chta" },
    pools: { chat: POOL },
    path: ["pool"],
    message: /^unknown pool "chta"; did you mean "chat"\?$/,
  },
  {
    title: "a name from Object.prototype for a pool",
    listener: { ...BIND, pool: "toString" },
    path: ["pool"],
    message: /^unknown pool "toString"; no \[pool\.NAME\] is defined$/,
  },
  {
    title: "a pool's key beside the name of a pool",
    listener: { ...BIND, pool: "a", balance: "random" },
    pools: { a: POOL },
    path: ["balance"],
    message: /^belongs in \[pool\.a\]$/,
  },
  {
    title: "a pool's key beside a Pool of a program",
    listener: { ...BIND, backends: new Pool(["a:1"]), max_fails: 1 },
    path: ["max_fails"],
    message: /^belongs to the Pool$/,
  },
  {
    title: "a pool's key in a route that has no backends",
    listener: { ...LISTENER, route: [{ path: "/a", max_tries: 1 }] },
    path: ["route", 0, "max_tries"],
    message: /^belongs next to backends, or in a \[pool\.NAME\]$/,
  },
  {
    title: "a route that leads nowhere",
    listener: { ...BIND, route: [{ path: "/a" }] },
    path: ["route", 0, "backends"],
    message: /^required here, since the \[\[ws_proxy\]\] has no pool, backends or registry$/,
  },
  {
    title: "strip_prefix beside rewrite",
    listener: { ...LISTENER, route: [{ path: "/a", strip_prefix: true, rewrite: "/b" }] },
    path: ["route", 0, "strip_prefix"],
    message: /^cannot be combined with rewrite$/,
  },
  {
    title: "strip_prefix with an exact path",
    listener: { ...LISTENER, route: [{ path: "=/a", strip_prefix: true }] },
    path: ["route", 0, "strip_prefix"],
    message: /^needs a path that is a prefix/,
  },
  {
    title: "strip_prefix without a path",
    listener: { ...LISTENER, route: [{ host: "a.example", strip_prefix: true }] },
    path: ["route", 0, "strip_prefix"],
    message: /^needs a path, the prefix to remove: add one, e\.g\. path = "\/chat"$/,
  },
  {
    title: "a burst without a rate",
    listener: { ...LISTENER, rate_burst: 5 },
    path: ["rate_burst"],
    message: /^has no effect without rate_per_ip$/,
  },
  {
    title: "permissions of a TCP port",
    listener: { ...LISTENER, bind_mode: "0660" },
    path: ["bind_mode"],
    message: /^has no effect without unix:/,
  },
  {
    title: "PROXY headers of nobody",
    listener: { ...LISTENER, accept_proxy_protocol: true },
    path: ["accept_proxy_protocol"],
    message: /^needs trusted_proxies/,
  },
  {
    title: "hash without a key",
    listener: { ...LISTENER, balance: "hash" },
    path: ["balance"],
    message: /^needs a hash_key/,
  },
  {
    title: "a hash key without hash",
    listener: { ...LISTENER, hash_key: "path" },
    path: ["hash_key"],
    message: /^needs balance = "hash"$/,
  },
  {
    title: "a secret for no cookie",
    listener: { ...LISTENER, sticky_secret: "0123456789abcdef" },
    path: ["sticky_secret"],
    message: /^has no effect without sticky_cookie$/,
  },
  {
    title: "attributes of no cookie",
    listener: { ...LISTENER, sticky_attributes: { same_site: "none" } },
    path: ["sticky_attributes"],
    message: /^has no effect without sticky_cookie$/,
  },
  {
    title: "a time for fails that don't count",
    listener: { ...LISTENER, max_fails: 0, fail_timeout_ms: 5 },
    path: ["fail_timeout_ms"],
    message: /^has no effect with max_fails = 0$/,
  },
  {
    title: "a time for fails that don't count",
    listener: { ...LISTENER, max_fails: 0, fail_on: ["dial"] },
    path: ["fail_on"],
    message: /^has no effect with max_fails = 0$/,
  },
  {
    title: "TLS with nobody",
    listener: { ...LISTENER, tls: { insecure_skip_verify: true } },
    path: ["tls"],
    message: /^has no effect: no backend is wss:.*rws does not terminate TLS: put a TLS terminator in front$/,
  },
  {
    title: "a path for a tcp check",
    listener: { ...LISTENER, health_check: { path: "/health" } },
    path: ["health_check", "path"],
    message: /^has no effect with type = "tcp"$/,
  },
  {
    title: "a __Host- cookie with a domain",
    listener: {
      ...LISTENER,
      sticky_cookie: "__Host-x",
      sticky_attributes: { domain: "example.com" },
    },
    path: ["sticky_cookie"],
    message: /^browsers drop a __Host- cookie/,
  },
  {
    title: "a registry that does not exist",
    listener: { ...BIND, registry: "endpoint", registry_key: "query:id" },
    registries: { endpoints: REGISTRY },
    path: ["registry"],
    message: /^unknown registry "endpoint"; did you mean "endpoints"\?$/,
  },
  {
    title: "a registry where there is none",
    listener: { ...BIND, registry: "endpoints", registry_key: "query:id" },
    path: ["registry"],
    message: /^unknown registry "endpoints"; no \[registry.NAME\] is defined$/,
  },
  {
    title: "a registry without a key",
    listener: { ...BIND, registry: "endpoints" },
    registries: { endpoints: REGISTRY },
    path: ["registry"],
    message: /^needs a registry_key, e.g. "query:endpointId"$/,
  },
  {
    title: "a registry and backends",
    listener: { ...LISTENER, registry: "endpoints", registry_key: "query:id" },
    registries: { endpoints: REGISTRY },
    path: ["registry"],
    message: /^cannot be combined with backends$/,
  },
  {
    title: "a registry's key without a registry",
    listener: { ...LISTENER, registry_key: "query:id" },
    path: ["registry_key"],
    message: /^has no effect without registry$/,
  },
  {
    title: "a store without its file",
    listener: LISTENER,
    registries: { endpoints: { store: "file" } },
    path: ["registry", "endpoints", "file"],
    message: /^required with store = "file"$/,
  },
  {
    title: "a password in a URL of Redis",
    listener: LISTENER,
    registries: { endpoints: { store: "redis", url: "redis://:secret@127.0.0.1:6379" } },
    path: ["registry", "endpoints", "url"],
    message: /^put the password into a file, and its path into password_file$/,
  },
  {
    title: "a status for a ws check of a named pool",
    listener: LISTENER,
    pools: { a: { ...POOL, health_check: { type: "ws", expect_status: 200 } } },
    path: ["pool", "a", "health_check", "expect_status"],
    message: /^has no effect with type = "ws"$/,
  },
]

for (const { title, listener, pools = {}, registries = {}, path, message } of conflicts) {
  t.test(`${title} is reported, and nothing else`, async (t) => {
    const error = thrownBy(() => checkConfig({ pool: pools, registry: registries, ws_proxy: [listener] }))
    if (!(error instanceof ConfigError)) throw error ?? new Error("it was accepted")
    const isNamed = path.length > 1 && (path[0] === "pool" || path[0] === "registry")
    t.match(error.problems, [{ path: isNamed ? path : ["ws_proxy", 0, ...path], message }])
    t.equal(error.problems.length, 1)
  })
}

t.test("a configuration that has been checked is returned as it is written", async (t) => {
  const config = {
    pool: { a: { backends: ["wss://a", { address: "b:1" }], health_check: {}, tls: {} } },
    ws_proxy: [{ ...BIND, pool: "a", route: [{ path: "/x", ...POOL }] }],
  }
  const copy = structuredClone(config)
  t.equal(checkConfig(config), config)
  t.strictSame(config, copy)
})

/** The problems of a configuration, as `path: message`. */
function problemsOf(config: object): string[] {
  const error = thrownBy(() => checkConfig(config))
  t.ok(error instanceof ConfigError)
  return (error as ConfigError).problems.map(({ path, message }) => `${path.join(".")}: ${message}`)
}

t.test("more than one worker needs a Node.js that can share addresses", async (t) => {
  const several = { workers: 2, ws_proxy: [LISTENER] }
  if (hasReusePort()) t.doesNotThrow(() => checkConfig(several))
  else {
    t.strictSame(problemsOf(several), [
      `workers: more than 1 needs Node.js 22.12 or newer; this is ${process.versions.node}`,
    ])
  }
  t.doesNotThrow(() => checkConfig({ workers: 1, ws_proxy: [LISTENER] }))
})

t.test("workers can't share the Pool of a program", async (t) => {
  const listener = {
    ...BIND,
    backends: new Pool(["a:1"]),
    route: [{ path: "/a", backends: new Pool(["b:1"]) }],
  }
  const problems = problemsOf({ workers: 2, ws_proxy: [listener] }).filter((text) =>
    text.startsWith("ws_proxy"),
  )
  const message =
    "a Pool object can't be shared with worker threads: list the backends here, or set workers = 1"
  t.strictSame(problems, [`ws_proxy.0.backends: ${message}`, `ws_proxy.0.route.0.backends: ${message}`])
  t.doesNotThrow(() => checkConfig({ workers: 1, ws_proxy: [listener] }))
})

for (const [workers, message] of [
  [0, "expected 1 to 256"],
  [257, "expected 1 to 256"],
  [1.5, 'expected a whole number from 1 to 256, or "auto"'],
  ["4", 'expected a whole number from 1 to 256, or "auto"'],
  ["Auto", 'expected a whole number from 1 to 256, or "auto"; did you mean "auto"?'],
  [true, 'expected a whole number from 1 to 256, or "auto"'],
] as const) {
  t.test(`workers = ${JSON.stringify(workers)} is refused`, async (t) => {
    t.equal(problemsOf({ workers, ws_proxy: [LISTENER] })[0], `workers: ${message}`)
  })
}

const adminConflicts: readonly { admin: object; key: string; message: RegExp }[] = [
  { admin: { bind: "0.0.0.0:9600" }, key: "bind", message: /^needs token_file or token: other machines/ },
  { admin: { bind: "[::]:9600" }, key: "bind", message: /^needs token_file or token/ },
  { admin: { bind: "admin.internal:9600" }, key: "bind", message: /^needs token_file or token/ },
  { admin: { token: "0123456789abcdef" }, key: "token", message: /^has no effect without bind$/ },
  { admin: { token_file: "/etc/token" }, key: "token_file", message: /^has no effect without bind$/ },
  {
    admin: { bind: "127.0.0.1:9600", token: "0123456789abcdef", token_file: "/etc/token" },
    key: "token_file",
    message: /^cannot be combined with token$/,
  },
  { admin: { bind: "127.0.0.1:8080" }, key: "bind", message: /^"127.0.0.1:8080" is taken by ws_proxy\[0\]$/ },
]

for (const { admin, key, message } of adminConflicts) {
  t.test(`[admin] ${JSON.stringify(admin)} is refused`, async (t) => {
    const error = thrownBy(() => checkConfig({ admin, ws_proxy: [LISTENER] }))
    t.ok(error instanceof ConfigError)
    t.match(error, { problems: [{ path: ["admin", key], message }] })
    t.equal(error instanceof ConfigError && error.problems.length, 1)
  })
}

const goodAdmins: readonly object[] = [
  {},
  { bind: "127.0.0.1:9600" },
  { bind: "127.255.0.9:0" },
  { bind: "localhost:9600" },
  { bind: "[::1]:9600" },
  { bind: "unix:/run/rws/admin.sock" },
  { bind: "0.0.0.0:9600", token: "0123456789abcdef" },
  { bind: "10.0.0.1:9600", token_file: "/etc/rws/admin.token" },
]

for (const admin of goodAdmins) {
  t.test(`[admin] ${JSON.stringify(admin)} is accepted`, async (t) => {
    t.equal(
      thrownBy(() => checkConfig({ admin, ws_proxy: [LISTENER] })),
      undefined,
    )
  })
}

for (const token of ["short", "0123456789 abcdef", "0123456789abcdeä", 1]) {
  t.test(`the token ${JSON.stringify(token)} is refused, and the error does not repeat it`, async (t) => {
    const error = thrownBy(() =>
      checkConfig({ admin: { bind: "127.0.0.1:9600", token }, ws_proxy: [LISTENER] }),
    )
    t.match(error, { problems: [{ path: ["admin", "token"], message: /^expected / }] })
  })
}
