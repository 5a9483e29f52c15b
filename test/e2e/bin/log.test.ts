import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import t, { type Test } from "tap"
import { upgradeHead } from "../../support/http/heads.js"
import { deadAddress, startBackend, startEchoBackend } from "../../support/peers/backend.js"
import { RawPeer } from "../../support/peers/raw-peer.js"
import {
  type LogLine,
  logOf,
  Program,
  RWS,
  serveFile,
  serveRws,
  startRws,
  temporaryFolder,
  untilLogged,
} from "../../support/program/program.js"

/** Sends an upgrade request and waits for the response head. */
async function ask(t: Test, address: string, head = upgradeHead()): Promise<RawPeer> {
  const client = await RawPeer.connect(address)
  t.teardown(() => client.socket.destroy())
  return client.write(head).untilText("\r\n\r\n")
}

t.test("a session's line names its host, its route and its pool", async (t) => {
  const backend = await startEchoBackend(t)
  const route = (keys: string) => `[[ws_proxy.route]]\n${keys}\n`
  const own = `backends = ["${backend.address}"]`
  const { rws, address } = await serveFile(
    t,
    [
      `[pool.main]\n${own}\n[[ws_proxy]]\nname = "chat"\nbind = "127.0.0.1:0"\npool = "main"\n`,
      route(`path = "/feed"\n${own}`),
      route(`host = ["a.example", "*.b.example"]\npath = "/chat"\npool = "main"`),
    ].join(""),
  )
  const expected = [
    { host: "c.example", path: "/other", route: undefined, pool: "main" },
    { host: "c.example", path: "/feed", route: "1 /feed", pool: "chat route 1" },
    { host: "x.b.example:80", path: "/chat/1", route: "2 a.example *.b.example /chat", pool: "main" },
  ]
  for (const { host, path } of expected) {
    const client = await ask(t, address, upgradeHead({ Host: host }, `GET ${path} HTTP/1.1`))
    client.socket.end()
    await untilLogged(rws, (line) => line.msg === "session ended" && line.path === path)
  }
  t.strictSame(
    sessionsOf(rws).map(({ host, path, route, pool }) => ({ host, path, route, pool })),
    expected,
  )
})

function isDuration(value: unknown): boolean {
  if (typeof value !== "number" || value < 0 || value >= 60_000) return false
  return /^\d+(\.\d{1,3})?$/.test(JSON.stringify(value))
}

const SESSION = ["session ended", "session refused"]

function sessionsOf(rws: Program): LogLine[] {
  return logOf(rws).filter(({ msg }) => SESSION.includes(String(msg)))
}

t.test("a tunnel is one line with all its fields", async (t) => {
  const backend = await startEchoBackend(t)
  const { rws, address } = await serveRws(t, [backend.address], ["--name", "chat"])
  const client = await ask(t, address, upgradeHead({}, "GET /room/7?token=secret HTTP/1.1"))
  const { localPort } = client.socket
  const head = client.received.length
  await client.write("hello").untilBytes(head + 5)
  client.socket.end()
  const line = await untilLogged(rws, ({ msg }) => msg === "session ended")
  t.match(line, {
    level: 30,
    listener: "chat",
    client: `127.0.0.1:${localPort}`,
    backend: backend.address,
    path: "/room/7",
    status: 101,
    reason: "client_fin",
    ended_by: "client",
    bytes_from_client: 5,
    bytes_from_backend: 5,
  })
  t.ok(isDuration(line.head_ms), "head_ms")
  t.ok(isDuration(line.dial_ms), "dial_ms")
  t.ok(isDuration(line.handshake_ms), "handshake_ms")
  t.ok(isDuration(line.tunnel_ms), "tunnel_ms")
  t.ok(Math.abs(Date.now() - Date.parse(String(line.time))) < 60_000, "the time is now")
  t.notMatch(rws.stdout, "secret")
  rws.signal("SIGTERM")
  await rws.untilExit()
  t.equal(sessionsOf(rws).length, 1)
})

t.test("a refusal is one line without the fields of later stages", async (t) => {
  const { rws, address } = await serveRws(t, ["127.0.0.1:9"])
  const client = await ask(t, address, upgradeHead({ "Sec-WebSocket-Version": "8" }))
  const { localPort } = client.socket
  const line = await untilLogged(rws, ({ msg }) => msg === "session refused")
  t.match(line, {
    listener: "127.0.0.1:0",
    client: `127.0.0.1:${localPort}`,
    status: 426,
    reason: "bad_ws_version",
    ended_by: "client",
  })
  t.ok(isDuration(line.head_ms), "head_ms")
  for (const key of ["backend", "dial_ms", "handshake_ms", "tunnel_ms"]) t.notOk(key in line, key)
})

t.test("a backend's refusal is logged with its status", async (t) => {
  const backend = await startBackend(t, async (peer) => {
    await peer.untilText("\r\n\r\n")
    peer.write("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")
  })
  const { rws, address } = await serveRws(t, [backend.address])
  await ask(t, address)
  const line = await untilLogged(rws, ({ msg }) => SESSION.includes(String(msg)))
  t.match(line, { status: 401, reason: "refused_by_backend", ended_by: "backend", backend: backend.address })
  t.ok(isDuration(line.handshake_ms), "handshake_ms")
})

t.test("each failed dial is one warning, except the last one, which is in the session's line", async (t) => {
  const dead = [await deadAddress(), await deadAddress()]
  const { rws, address } = await serveRws(t, dead)
  await ask(t, address)
  await untilLogged(rws, ({ msg }) => msg === "session refused")
  const warnings = logOf(rws).filter(({ level }) => level === 40)
  t.strictSame(
    warnings.map(({ reason, backend }) => [reason, backend]),
    [
      ["backend_unreachable", dead[0]],
      ["backend_unreachable", dead[1]],
    ],
  )
  t.match(warnings[0], { msg: "backend could not be dialled", error: "ECONNREFUSED" })
  t.match(warnings[1], { msg: "session refused", error: "ECONNREFUSED", status: 502, path: "/chat" })
})

t.test("each listener logs one line at its start and one at its end", async (t) => {
  const cwd = await temporaryFolder(t)
  const listener = (name: string) =>
    `[[ws_proxy]]\nname = "${name}"\nbind = "127.0.0.1:0"\nbackends = ["127.0.0.1:9", "127.0.0.1:10"]\n`
  await writeFile(join(cwd, "rws.config.toml"), listener("one") + listener("two"))
  const rws = startRws(t, [], { cwd })
  await untilLogged(rws, ({ listener }) => listener === "two")
  rws.signal("SIGTERM")
  await rws.untilExit()
  const namesOf = (msg: string) =>
    logOf(rws)
      .filter((line) => line.msg === msg)
      .map(({ listener }) => String(listener))
      .sort()
  t.strictSame(namesOf("listening"), ["one", "two"])
  t.strictSame(namesOf("stopped"), ["one", "two"])
  for (const { bind, backends } of logOf(rws).filter(({ msg }) => msg === "listening")) {
    t.match(bind, /^127\.0\.0\.1:[1-9]\d*$/)
    t.strictSame(backends, ["127.0.0.1:9", "127.0.0.1:10"])
  }
})

t.test("a client that closes without a request is logged at debug", async (t) => {
  const { rws, address } = await serveRws(t, ["127.0.0.1:9"], ["--log-level", "debug"])
  const client = await RawPeer.connect(address)
  client.socket.end("GET / HT")
  const line = await untilLogged(rws, ({ msg }) => msg === "session ended")
  t.match(line, { level: 20, reason: "client_aborted_in_head" })
})

t.test("at info a client that closes without a request is not logged", async (t) => {
  const { rws, address } = await serveRws(t, ["127.0.0.1:9"])
  const early = await RawPeer.connect(address)
  early.socket.end("GET / HT")
  await early.untilClosed()
  await ask(t, address, upgradeHead({ Host: undefined }))
  await untilLogged(rws, ({ msg }) => msg === "session refused")
  t.strictSame(
    sessionsOf(rws).map(({ reason }) => reason),
    ["bad_host"],
  )
})

t.test("at error neither refusals nor the start are logged", async (t) => {
  const bind = await deadAddress()
  const rws = startRws(t, ["--bind", bind, "--backend", "127.0.0.1:9", "--log-level", "error"])
  await connectOnceUp(t, bind)
  rws.signal("SIGTERM")
  t.strictSame(await rws.untilExit(), { code: 0, signal: null })
  t.equal(rws.output, "")
})

/** Retries a connect: there is no log line to wait for. */
async function connectOnceUp(t: Test, address: string): Promise<RawPeer> {
  for (;;) {
    try {
      return await ask(t, address, "nonsense\r\n\r\n")
    } catch {}
  }
}

/** As a worker of PM2's cluster mode, whose standard output is that of the daemon. */
const REPLACED_OUTPUT =
  'data:text/javascript,process.stdout.write = (text, _, done) => process.stderr.write("worker: " + text, done)'

t.test("where the write method of standard output was replaced, the log goes through it", async (t) => {
  const flags = ["--bind", "127.0.0.1:0", "--backend", "127.0.0.1:9"]
  const rws = Program.start(t, process.execPath, ["--import", REPLACED_OUTPUT, RWS, ...flags])
  await rws.untilOutput(/listening/)
  rws.signal("SIGTERM")
  t.strictSame(await rws.untilExit(), { code: 0, signal: null })
  t.equal(rws.stdout, "")
  t.match(rws.stderr, /^worker: .*listening.*\nworker: .*draining.*\nworker: .*stopped.*\n$/)
})

const script = Program.start(t, "script", ["--version"])
await script.untilExit()
const noTerminal = !/util-linux/.test(script.output) && "script of Debian's bsdutils is not installed"

t.test("on a terminal the log is readable text, and Ctrl+C drains", { skip: noTerminal }, async (t) => {
  const command = `exec ${process.execPath} ${RWS} --bind 127.0.0.1:0 --backend 127.0.0.1:9 --name chat`
  const terminal = Program.start(t, "script", ["--quiet", "--return", "--command", command, "/dev/null"], {
    env: { TERM: "xterm" },
  })
  const [line] = await terminal.untilOutput(/^.*listening/m)
  t.match(line, "INFO")
  t.notMatch(terminal.stdout, /^\{/m)
  terminal.type("\x03")
  t.strictSame(await terminal.untilExit(), { code: 0, signal: null })
  t.match(terminal.stdout, "stopped")
})
