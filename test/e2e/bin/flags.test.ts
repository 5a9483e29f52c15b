import { readFile } from "node:fs/promises"
import { join } from "node:path"
import t, { type Test } from "tap"
import { LISTENER } from "../../../lib/config/known-tables.js"
import { listenerSchema } from "../../../lib/config/listener-schema.js"
import { upgradeHead } from "../../support/http/heads.js"
import { answerUpgrade, startBackend, startEchoBackend } from "../../support/peers/backend.js"
import { RawPeer } from "../../support/peers/raw-peer.js"
import { CommandLines } from "../../support/program/command-lines.js"
import {
  logOf,
  Program,
  runRws,
  serveRws,
  startRws,
  temporaryFolder,
  untilLogged,
  untilServing,
} from "../../support/program/program.js"
import { SHORT_MS } from "../../support/program/proxy.js"

/** Keys without a flag: tables, names of tables, and what belongs to them. */
const IN_FILES_ONLY = [
  ...["pool", "route", "health_check", "tls", "request_headers", "response_headers", "sticky_attributes"],
  ...["jwt", "forward_auth", "registry", "registry_key", "keep_key"],
]
const DEFAULTS = new Map(LISTENER.settings.map(({ key, default: standard }) => [key, standard]))
const KEYS = Object.keys(listenerSchema.shape).filter((key) => !IN_FILES_ONLY.includes(key))
const SWITCHES = [
  "client_tls",
  "accept_proxy_protocol",
  "require_origin",
  "reuse_port",
  "close_frames",
  "trace_headers",
]

/** Flags of lists are in the singular. */
const SINGULAR: Readonly<Record<string, string>> = {
  backends: "--backend",
  trusted_proxies: "--trusted-proxy",
  allowed_origins: "--allowed-origin",
  subprotocols: "--subprotocol",
  local_addresses: "--local-address",
  fail_on: "--fail-on",
}

function flagOf(key: string): string {
  return SINGULAR[key] ?? `--${key.replaceAll("_", "-")}`
}

/** Connects and sends an upgrade request. */
async function ask(address: string, head = upgradeHead()): Promise<RawPeer> {
  return (await RawPeer.connect(address)).write(head)
}

/** Sends an upgrade request and waits for the response head. */
async function responseTo(address: string, head?: string): Promise<RawPeer> {
  return (await ask(address, head)).untilText("\r\n\r\n")
}

const commandLines = CommandLines.start(t)
const { stdout: helpText } = await runRws(t, ["--help"])
const helpLine = helpText.replace(/\s+/g, " ")

t.test("--help shows a flag for every listener key that is not a table", async (t) => {
  for (const key of KEYS) t.match(helpText, new RegExp(`^ +${flagOf(key)} `, "m"))
})

t.test("--help shows every default", async (t) => {
  const defaults = new Map<string, unknown>([
    ...DEFAULTS,
    ["name", "the bind address"],
    ["rate_per_ip", "unlimited"],
    ["sticky_secret", "another one at each start"],
  ])
  for (const key of KEYS) {
    const value = defaults.get(key)
    // Its description names a flag, where this pattern ends.
    if (key === "reuse_port") continue
    if (key === "bind" || value === undefined || Array.isArray(value)) continue
    t.match(helpLine, new RegExp(`${flagOf(key)} [^-](?:(?! --).)*\\(default: ${value}\\)`))
  }
})

t.test("--help shows which flags take a number", async (t) => {
  for (const key of KEYS.filter((key) => !SWITCHES.includes(key))) {
    const type = typeof DEFAULTS.get(key) === "number" ? "number" : key in SINGULAR ? "array" : "string"
    t.match(helpLine, new RegExp(`${flagOf(key)} [^-](?:(?! --).)*\\[${type}\\]`), key)
  }
})

t.test("a flag may be spelled like its key", async (t) => {
  const args = [
    ["--bind", "127.0.0.1:0", "--backends", "127.0.0.1:1", "127.0.0.1:2", "--backends=127.0.0.1:3"],
    ["--trusted-proxies", "::1", "--allowed_origins=null", "--subprotocols", "a", "--no-require_origin"],
    ["--idle_timeout_ms", "4321", "--log_level", "warn"],
  ].flat()
  const { code, stdout, stderr } = await commandLines.run(["check", ...args])
  t.equal(stderr, "")
  t.equal(code, 0)
  t.match(stdout, "log level warn")
  t.match(stdout, /^ +backends +127\.0\.0\.1:1, 127\.0\.0\.1:2, 127\.0\.0\.1:3$/m)
  t.match(stdout, /^ +idle_timeout_ms +4321$/m)
  t.match(stdout, /^ +trusted_proxies +::1$/m)
  t.match(stdout, /^ +require_origin +false$/m)
})

/** Invalid values of keys that take text. Every other key refuses "-1". */
const WRONG: Readonly<Record<string, string>> = {
  name: "",
  bind: "nowhere",
  backends: "nowhere",
  host_header: "two words",
  sticky_cookie: "two words",
  origin: "nowhere",
  subprotocols: "two words",
}

t.test("invalid flag values are reported by the flag's name, all at once", async (t) => {
  const keys = KEYS.filter((key) => !SWITCHES.includes(key))
  const args = keys.map((key) => `${flagOf(key)}=${WRONG[key] ?? "-1"}`)
  const { code, stderr } = await commandLines.run(args)
  t.equal(code, 2)
  const named = stderr
    .trimEnd()
    .split("\n")
    .map((line) => /^command line: (--[a-z-]+): /.exec(line)?.[1])
  t.strictSame([...new Set(named)].sort(), keys.map(flagOf).sort())
})

for (const value of ["many", "1.5", "", " ", "1e3", "0x10", "+5", "1e99"]) {
  t.test(`"${value}" is not a number of milliseconds`, async (t) => {
    // An address that is not local, so that rws exits even if the value is accepted.
    const args = ["--bind=192.0.2.1:1", "--backend=127.0.0.1:1", `--idle-timeout-ms=${value}`]
    const { code, stderr } = await commandLines.run(args)
    t.equal(code, 2)
    t.match(stderr, /^command line: --idle-timeout-ms: /)
  })
}

t.test("--backend without --bind says that --bind is missing", async (t) => {
  const { code, stderr } = await commandLines.run(["--backend", "127.0.0.1:1"])
  t.equal(code, 2)
  t.match(stderr, /^command line: --bind: required, but missing/)
})

t.test("--bind takes a Unix socket", async (t) => {
  const backend = await startEchoBackend(t)
  const address = `unix:${join(await temporaryFolder(t), "rws.sock")}`
  const { address: bound } = await untilServing(
    startRws(t, ["--bind", address, "--backend", backend.address]),
  )
  t.equal(bound, address)
  t.match((await responseTo(address)).text, /^HTTP\/1\.1 101 /)
})

t.test("--backend may be repeated for each backend, or given once with several", async (t) => {
  const backends = await Promise.all([1, 2, 3].map(() => startEchoBackend(t)))
  const [one = "", two = "", three = ""] = backends.map(({ address }) => address)
  const rws = startRws(t, ["--bind", "127.0.0.1:0", "--backend", one, two, "--backend", three])
  const { address } = await untilServing(rws)
  for (let session = 0; session < 3; session++) await responseTo(address)
  t.strictSame(
    backends.map(({ peers }) => peers.length),
    [1, 1, 1],
  )
})

t.test("--name sets the name of the listener in the log", async (t) => {
  const { rws } = await serveRws(t, ["127.0.0.1:9"], ["--name", "chat"])
  t.match(await untilLogged(rws, ({ msg }) => msg === "listening"), { listener: "chat" })
})

t.test("--connect-timeout-ms bounds the dial of a backend that does not accept", async (t) => {
  const address = await startDeafBackend(t)
  const { address: bound } = await serveRws(t, [address], ["--connect-timeout-ms", String(SHORT_MS)])
  t.match((await responseTo(bound)).text, /^HTTP\/1\.1 504 /)
})

t.test("--read-timeout-ms bounds the wait for the head", async (t) => {
  const { address } = await serveRws(t, ["127.0.0.1:9"], ["--read-timeout-ms", String(SHORT_MS)])
  t.match((await responseTo(address, "GET /chat HTTP/1.1\r\n")).text, /^HTTP\/1\.1 408 /)
})

t.test("--handshake-timeout-ms bounds the wait for the backend's response", async (t) => {
  const silent = await startBackend(t)
  const { address } = await serveRws(t, [silent.address], ["--handshake-timeout-ms", String(SHORT_MS)])
  t.match((await responseTo(address)).text, /^HTTP\/1\.1 504 /)
})

t.test("--idle-timeout-ms ends a silent tunnel", async (t) => {
  const backend = await startEchoBackend(t)
  const { rws, address } = await serveRws(t, [backend.address], ["--idle-timeout-ms", String(SHORT_MS)])
  await (await responseTo(address)).untilEnd()
  await untilLogged(rws, ({ reason }) => reason === "idle_timeout")
})

t.test("--half-close-timeout-ms ends a half-closed tunnel whose other direction is silent", async (t) => {
  const backend = await startBackend(t, (peer) => void answerUpgrade(peer))
  const { rws, address } = await serveRws(t, [backend.address], ["--half-close-timeout-ms", String(SHORT_MS)])
  const client = await responseTo(address)
  client.socket.end()
  await client.untilClosed()
  await untilLogged(rws, ({ reason }) => reason === "half_close_timeout")
})

t.test("--drain-timeout-ms ends the tunnels that are left after a drain", async (t) => {
  const backend = await startEchoBackend(t)
  const { rws, address } = await serveRws(t, [backend.address], ["--drain-timeout-ms", String(SHORT_MS)])
  const client = await responseTo(address)
  rws.signal("SIGTERM")
  await client.untilEnd()
  t.strictSame(await rws.untilExit(), { code: 3, signal: null })
  t.ok(logOf(rws).some(({ reason }) => reason === "drain_timeout"))
})

t.test("--max-head-bytes bounds the head", async (t) => {
  const backend = await startEchoBackend(t)
  const { address } = await serveRws(t, [backend.address], ["--max-head-bytes", "500"])
  const headOf = (length: number) => {
    const head = upgradeHead({ "X-Fill": "" })
    return head.replace("X-Fill: ", `X-Fill: ${"x".repeat(length - head.length)}`)
  }
  t.match((await responseTo(address, headOf(500))).text, /^HTTP\/1\.1 101 /)
  t.match((await responseTo(address, headOf(501))).text, /^HTTP\/1\.1 431 /)
})

t.test("--max-connections bounds the concurrent clients", async (t) => {
  const backend = await startEchoBackend(t)
  const { address } = await serveRws(t, [backend.address], ["--max-connections", "1"])
  t.match((await responseTo(address)).text, /^HTTP\/1\.1 101 /)
  t.match((await responseTo(address)).text, /^HTTP\/1\.1 503 /)
})

t.test("--host-header sets the Host that the backend gets", async (t) => {
  const backend = await startBackend(t, (peer) => void answerUpgrade(peer))
  for (const [index, [value, host]] of (
    [
      ["backend", backend.address],
      ["client", "chat.example"],
      ["inside.example:81", "inside.example:81"],
    ] as const
  ).entries()) {
    const { address } = await serveRws(t, [backend.address], ["--host-header", value])
    await responseTo(address)
    t.match((await backend.peer(index)).text, `\r\nHost: ${host}\r\n`)
  }
})

const SOCKETS = await readFile("/proc/net/tcp", "latin1").catch(() => "")
const noProc = SOCKETS === "" && "the system has no /proc/net/tcp to look into"

for (const [ms, armed] of [
  ["60000", true],
  ["0", false],
] as const) {
  t.test(
    `--keepalive-ms ${ms} ${armed ? "turns keepalive on" : "leaves it off"}`,
    { skip: noProc },
    async (t) => {
      const backend = await startBackend(t, (peer) => void answerUpgrade(peer))
      const flags = ["--keepalive-ms", ms, "--half-close-timeout-ms", String(SHORT_MS)]
      const { rws, address } = await serveRws(t, [backend.address], flags)
      const client = await responseTo(address)
      // The client's own segment acknowledges the 101, and nothing is sent back: only keepalive can arm the
      // timer.
      client.write("x")
      await (await backend.peer()).untilText("\r\n\r\nx")
      // Keepalive is set at the first check of the tunnels. Once rws has ended a later tunnel for being idle,
      // that check has run.
      const later = await responseTo(address)
      later.socket.end()
      await untilLogged(rws, ({ reason }) => reason === "half_close_timeout")
      t.equal(await hasKeepaliveTimer(address, client), armed)
    },
  )
}

/** Finds rws's end of a client's connection in /proc/net/tcp: timer 02 is keepalive. */
async function hasKeepaliveTimer(address: string, { socket }: RawPeer): Promise<boolean> {
  const hex = (port: number) => port.toString(16).toUpperCase().padStart(4, "0")
  const local = `:${hex(Number(address.slice(address.lastIndexOf(":") + 1)))}`
  const remote = `:${hex(socket.localPort ?? 0)}`
  const rows = (await readFile("/proc/net/tcp", "latin1")).split("\n").map((row) => row.trim().split(/\s+/))
  const row = rows.find(([, from = "", to = ""]) => from.endsWith(local) && to.endsWith(remote))
  return row?.[5]?.startsWith("02:") === true
}

/** A backend that has stopped accepting and whose backlog is full, so that the kernel drops further SYNs. */
async function startDeafBackend(t: Test): Promise<string> {
  const script = `
    const server = require("node:net").createServer().listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
      process.stdout.write("port " + server.address().port + "\\n")
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
    })`
  const program = Program.start(t, process.execPath, ["-e", script])
  const [, port] = await program.untilOutput(/^port (\d+)\n/)
  const address = `127.0.0.1:${port}`
  const fillers = Array.from({ length: 8 }, () => RawPeer.connect(address))
  t.teardown(async () => {
    program.signal("SIGKILL")
    for (const filler of await Promise.allSettled(fillers)) {
      if (filler.status === "fulfilled") filler.value.socket.destroy()
    }
  })
  await Promise.any(fillers)
  return address
}
