import t from "tap"
import { listenerSchema } from "../../lib/config/listener-schema.js"
import { checkConfig, parseConfig } from "../../lib/config/load.js"
import { ConfigError, formatPath } from "../../lib/config/problem.js"
import { configSchema } from "../../lib/config/schema.js"
import { rejectionOf, thrownBy } from "../support/project/thrown.js"

const LISTENER = { bind: "127.0.0.1:8080", backends: ["127.0.0.1:9000"] }

const paths: { path: (string | number)[]; text: string }[] = [
  { path: [], text: "" },
  { path: ["log"], text: "log" },
  { path: ["log", "level"], text: "log.level" },
  { path: ["ws_proxy", 0], text: "ws_proxy[0]" },
  { path: ["ws_proxy", 12, "backends", 3], text: "ws_proxy[12].backends[3]" },
]

for (const { path, text } of paths) {
  t.test(`the path ${JSON.stringify(path)} is read as "${text}"`, async (t) => {
    t.equal(formatPath(path), text)
  })
}

t.test("a ConfigError has one line for each problem: place, key and message", async (t) => {
  const error = new ConfigError("rws.toml", [
    { path: ["ws_proxy", 0, "bind"], message: "required, but missing", line: 3 },
    { path: ["log", "level"], message: "no such level" },
    { path: [], message: "there is no such file" },
    { path: [], message: "not valid TOML", line: 7 },
  ])
  t.same(error.message.split("\n"), [
    "rws.toml:3: ws_proxy[0].bind: required, but missing",
    "rws.toml: log.level: no such level",
    "rws.toml: there is no such file",
    "rws.toml:7: not valid TOML",
  ])
  t.equal(error.name, "ConfigError")
  t.equal(error.source, "rws.toml")
  t.equal(error.problems.length, 4)
})

t.test("a ConfigError describes the first 50 problems and counts the others", async (t) => {
  const problems = Array.from({ length: 53 }, (_, index) => ({ path: ["log"], message: `problem ${index}` }))
  const lines = new ConfigError("rws.toml", problems, ["a hint"]).message.split("\n")
  t.equal(lines.length, 52)
  t.strictSame(lines.slice(-3), ["rws.toml: log: problem 49", "rws.toml: and 3 more problems", "a hint"])
  t.match(new ConfigError("rws.toml", problems.slice(0, 51)).message, /\nrws\.toml: and 1 more problem$/)
})

t.test("a file with thousands of unknown keys is refused quickly", async (t) => {
  const keys = Array.from({ length: 5000 }, (_, index) => `unknown_${index} = 1\n`)
  const toml = `[[ws_proxy]]\nbind = "127.0.0.1:0"\nbackends = ["a:1"]\n${keys.join("")}`
  const { user } = process.cpuUsage()
  const error = await rejectionOf(() => parseConfig(toml, "rws.toml"))
  const cpuMs = (process.cpuUsage().user - user) / 1000
  if (!(error instanceof ConfigError)) throw error ?? new Error("it was accepted")
  t.match(error.message, /^rws\.toml:4: ws_proxy\[0\]\.unknown_0: unknown key\n/)
  t.match(error.message, "\nrws.toml: and 4950 more problems\nKnown keys in [[ws_proxy]]: ")
  t.equal(error.problems.length, 5000)
  t.equal(error.problems.at(-1)?.line, 5003)
  // Minutes, if each key had the file parsed for its line; seconds, if each were compared with all keys.
  t.ok(cpuMs < 1500, `${Math.round(cpuMs)} ms`)
})

for (const key of ["bind", "backends"] as const) {
  t.test(`a listener without ${key} is an error that names the key`, async (t) => {
    const error = thrownBy(() => checkConfig({ ws_proxy: [{ ...LISTENER, [key]: undefined }] }))
    const problems = [{ path: ["ws_proxy", 0, key], message: "required, but missing" }]
    t.same(error instanceof ConfigError && error.problems, problems)
  })
}

interface Suggestion {
  readonly table: "top" | "log" | "ws_proxy"
  readonly key: string
  readonly suggested: string | undefined
}

const suggestions: Suggestion[] = [
  // What other proxies call it.
  { table: "ws_proxy", key: "listen", suggested: "bind" },
  { table: "ws_proxy", key: "Listen", suggested: "bind" },
  { table: "ws_proxy", key: "address", suggested: "bind" },
  { table: "ws_proxy", key: "addr", suggested: "bind" },
  { table: "ws_proxy", key: "upstream", suggested: "backends" },
  { table: "ws_proxy", key: "upstreams", suggested: "backends" },
  { table: "ws_proxy", key: "backend", suggested: "backends" },
  { table: "ws_proxy", key: "servers", suggested: "backends" },
  { table: "top", key: "proxy", suggested: "ws_proxy" },
  { table: "top", key: "server", suggested: "ws_proxy" },
  { table: "top", key: "listener", suggested: "ws_proxy" },
  // Slips of the pen.
  { table: "top", key: "ws_proxi", suggested: "ws_proxy" },
  { table: "top", key: "ws-proxy", suggested: "ws_proxy" },
  { table: "top", key: "logs", suggested: "log" },
  { table: "log", key: "levle", suggested: "level" },
  { table: "log", key: "Level", suggested: "level" },
  { table: "ws_proxy", key: "nmae", suggested: "name" },
  { table: "ws_proxy", key: "bnid", suggested: "bind" },
  { table: "ws_proxy", key: "BIND", suggested: "bind" },
  { table: "ws_proxy", key: "backneds", suggested: "backends" },
  { table: "ws_proxy", key: "connect_timeout", suggested: "connect_timeout_ms" },
  { table: "ws_proxy", key: "connectTimeoutMs", suggested: "connect_timeout_ms" },
  { table: "ws_proxy", key: "connect-timeout-ms", suggested: "connect_timeout_ms" },
  { table: "ws_proxy", key: "read_timeout", suggested: "read_timeout_ms" },
  { table: "ws_proxy", key: "idle_timeout_s", suggested: "idle_timeout_ms" },
  { table: "ws_proxy", key: "max_connection", suggested: "max_connections" },
  { table: "ws_proxy", key: "keepalive", suggested: "keepalive_ms" },
  { table: "ws_proxy", key: "host_headers", suggested: "host_header" },
  { table: "top", key: "upstreams", suggested: "pool" },
  { table: "ws_proxy", key: "method", suggested: "balance" },
  { table: "ws_proxy", key: "strategy", suggested: "balance" },
  { table: "ws_proxy", key: "loadBalance", suggested: "balance" },
  { table: "ws_proxy", key: "connect_timeout_secs", suggested: "connect_timeout_ms" },
  { table: "ws_proxy", key: "set_real_ip_from", suggested: "trusted_proxies" },
  { table: "ws_proxy", key: "healthCheck", suggested: "health_check" },
  { table: "top", key: "listen", suggested: "ws_proxy" },
  // Nothing is near.
  { table: "top", key: "colour", suggested: undefined },
  { table: "log", key: "destination", suggested: undefined },
  { table: "ws_proxy", key: "frobnicate", suggested: undefined },
  { table: "ws_proxy", key: "tags", suggested: undefined },
  { table: "ws_proxy", key: "constructor", suggested: undefined },
  { table: "ws_proxy", key: "toString", suggested: undefined },
]

for (const { table, key, suggested } of suggestions) {
  const hint = suggested === undefined ? "nothing is suggested" : `"${suggested}" is suggested`
  t.test(`for the unknown key ${key} of ${table} ${hint}`, async (t) => {
    const more = { [key]: 1 }
    const error = thrownBy(() =>
      checkConfig({
        ws_proxy: [{ ...LISTENER, ...(table === "ws_proxy" && more) }],
        ...(table === "log" && { log: more }),
        ...(table === "top" && more),
      }),
    )
    const message = suggested === undefined ? "unknown key" : `unknown key; did you mean "${suggested}"?`
    const path = { top: [key], log: ["log", key], ws_proxy: ["ws_proxy", 0, key] }[table]
    t.match(error, { name: "ConfigError" })
    t.same(error instanceof ConfigError && error.problems, [{ path, message }])
  })
}

t.test("the keys of a table are listed once at the end, however many of its keys are unknown", async (t) => {
  const listener = { ...LISTENER, frobnicate: 1, tags: [], listen: 1 }
  const error = thrownBy(() => checkConfig({ ws_proxy: [listener, listener], colour: 1 }))
  if (!(error instanceof ConfigError)) throw error ?? new Error("it was accepted")
  const keysOf = ({ shape }: { shape: object }) => Object.keys(shape).join(", ")
  const lists = [
    `Known keys in [[ws_proxy]]: ${keysOf(listenerSchema)}`,
    `Known keys at the top level: ${keysOf(configSchema)}`,
  ]
  t.strictSame(error.hints, lists)
  t.ok(error.message.endsWith(`\n${lists.join("\n")}`))
})

t.test("no keys are listed if each unknown key has a suggestion", async (t) => {
  const error = thrownBy(() => checkConfig({ ws_proxy: [{ ...LISTENER, listen: 1 }] }))
  t.strictSame(error instanceof ConfigError && error.hints, [])
})
