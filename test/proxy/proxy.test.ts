import { once } from "node:events"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import {
  BindError,
  type Config,
  ConfigError,
  createProxy,
  type EndedSession,
  type Log,
  loadConfig,
  type RunningProxy,
  type SessionSummary,
} from "rws-proxy"
import t, { type Test } from "tap"
import { upgradeHead } from "../support/http/heads.js"
import { deadAddress, startBackend, startEchoBackend } from "../support/peers/backend.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { collectLog } from "../support/program/log-lines.js"
import { logOf, Program, temporaryFolder } from "../support/program/program.js"
import { openTunnel, SHORT_MS, startProxy } from "../support/program/proxy.js"
import { rejectionOf } from "../support/project/thrown.js"

const { log: SILENT_LOG } = collectLog()

async function start(t: Test, config: Config, log: Log = SILENT_LOG): Promise<RunningProxy> {
  const proxy = await createProxy(config, { log })
  t.teardown(() => proxy.close(0))
  return proxy
}

/** The session of any event: that of an "open" has no end yet. */
type AnySession = SessionSummary & Partial<EndedSession>

/** All events of a proxy, in order. */
function eventsOf(proxy: RunningProxy): { event: string; session: AnySession }[] {
  const events: { event: string; session: AnySession }[] = []
  // A summary grows; what it said at the event counts.
  for (const event of ["open", "end", "refuse"] as const)
    proxy.on(event, (session: AnySession) => events.push({ event, session: { ...session } }))
  return events
}

interface Case {
  readonly title: string
  /** What the client sends, and does once the head of an answer has come. */
  readonly head: string
  readonly leave?: (client: RawPeer) => unknown
  readonly backend?: (t: Test) => Promise<string>
  readonly events: readonly string[]
  readonly summary: Partial<AnySession>
  /** Keys of the summary that are there, and those that are not. */
  readonly has: readonly (keyof SessionSummary)[]
  readonly level: number
}

const BACKEND_KEYS = ["backend", "dialMs", "handshakeMs"] as const

const cases: readonly Case[] = [
  {
    title: "a tunnel that the client closes",
    head: upgradeHead({}, "GET /room/7?token=secret HTTP/1.1"),
    leave: (client) => client.socket.end("hello"),
    events: ["open", "end"],
    summary: {
      path: "/room/7",
      status: 101,
      reason: "client_fin",
      who: "client",
      bytesFromClient: 5,
      bytesFromBackend: 5,
    },
    has: [...BACKEND_KEYS, "path", "tunnelMs"],
    level: 30,
  },
  {
    title: "a tunnel that the client breaks",
    head: upgradeHead(),
    leave: (client) => client.socket.resetAndDestroy(),
    events: ["open", "end"],
    summary: { status: 101, reason: "client_reset", who: "client" },
    has: [...BACKEND_KEYS, "path", "tunnelMs"],
    level: 30,
  },
  {
    title: "a request that is refused",
    head: upgradeHead({ "Sec-WebSocket-Key": undefined }),
    events: ["refuse"],
    summary: { status: 400, reason: "bad_key", who: "client", path: "/chat" },
    has: ["path"],
    level: 30,
  },
  {
    title: "a request for which there is no backend",
    head: upgradeHead(),
    backend: () => deadAddress(),
    events: ["refuse"],
    summary: { status: 502, reason: "backend_unreachable", who: "backend", path: "/chat" },
    has: ["backend", "path", "dialMs"],
    level: 40,
  },
  {
    title: "a backend that closes without an answer",
    head: upgradeHead(),
    backend: async (t) => (await startBackend(t, (peer) => peer.socket.destroy())).address,
    events: ["refuse"],
    summary: { status: 502, reason: "no_response", who: "backend" },
    has: [...BACKEND_KEYS, "path"],
    level: 40,
  },
  {
    title: "a refusal of the backend",
    head: upgradeHead(),
    backend: async (t) => {
      const backend = await startBackend(t, async (peer) => {
        await peer.untilText("\r\n\r\n")
        peer.write("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")
      })
      return backend.address
    },
    events: ["end"],
    summary: { status: 401, reason: "refused_by_backend", who: "backend" },
    has: [...BACKEND_KEYS, "path"],
    level: 30,
  },
  {
    title: "a client that leaves within its head",
    head: "GET / HT",
    leave: (client) => client.socket.destroy(),
    events: ["end"],
    summary: { status: undefined, reason: "client_aborted_in_head", who: "client" },
    has: [],
    level: 20,
  },
]

for (const { title, head, leave, backend, events: names, summary, has, level } of cases) {
  t.test(`${title}: ${names.join(", ")} with all known fields, and one log line`, async (t) => {
    const address = backend === undefined ? (await startEchoBackend(t)).address : await backend(t)
    const { log, lines } = collectLog("debug")
    const proxy = await start(
      t,
      { ws_proxy: [{ name: "chat", bind: "127.0.0.1:0", backends: [address] }] },
      log,
    )
    const events = eventsOf(proxy)
    const client = await RawPeer.connect(proxy.address())
    const { localPort } = client.socket
    const last = Promise.race([once(proxy, "end"), once(proxy, "refuse")])
    client.write(head)
    if (head.endsWith("\r\n\r\n")) await client.untilText("\r\n\r\n")
    if (leave === undefined) client.socket.end()
    else leave(client)
    await last
    client.socket.destroy()
    await proxy.close(0)

    t.same(
      events.map(({ event }) => event),
      names,
      "in this order, once each",
    )
    const session = events.at(-1)?.session
    t.match(session, { ...summary, listener: "chat", client: `127.0.0.1:${localPort}` })
    if (has.includes("backend")) t.equal(session?.backend, address)
    for (const key of [...BACKEND_KEYS, "path", "tunnelMs"] as const) {
      t.equal(
        session?.[key] !== undefined,
        has.includes(key),
        `${key} is ${has.includes(key) ? "" : "not "}there`,
      )
      if (key.endsWith("Ms") && has.includes(key)) t.ok(Number(session?.[key]) >= 0)
    }
    if (names[0] === "open") {
      const opened = events[0]?.session
      t.same(
        [opened?.reason, opened?.tunnelMs, opened?.status],
        [undefined, undefined, 101],
        "at its beginning the end is not known",
      )
    }

    const [line, ...more] = lines.filter(({ msg }) => /^session (ended|refused)$/.test(String(msg)))
    t.same(more, [], "one line")
    t.match(line, {
      level,
      msg: names.includes("refuse") ? "session refused" : "session ended",
      listener: "chat",
      client: `127.0.0.1:${localPort}`,
      reason: session?.reason,
      ended_by: session?.who,
    })
    const told = {
      backend: session?.backend,
      path: session?.path,
      status: session?.status,
      bytes_from_client: session?.bytesFromClient,
      bytes_from_backend: session?.bytesFromBackend,
      head_ms: session?.headMs,
      dial_ms: session?.dialMs,
      handshake_ms: session?.handshakeMs,
      tunnel_ms: session?.tunnelMs,
    }
    for (const [key, value] of Object.entries(told)) t.equal(line?.[key], value, key)
    t.type(line?.detail, "string")
    t.notMatch(JSON.stringify(lines), "secret")
  })
}

t.test("however many sessions there are, each has one end or one refuse", async (t) => {
  const echo = await startEchoBackend(t)
  const proxy = await startProxy(t, { backends: [echo.address, await deadAddress()], max_connections: 20 })
  const events = eventsOf(proxy)
  const ports: (number | undefined)[] = []
  const heads = [upgradeHead(), upgradeHead({ Host: undefined }), "GET / HT"]
  const leaves = ["end", "destroy", "resetAndDestroy"] as const
  const clients = await Promise.all(
    Array.from({ length: 45 }, async (_, number) => {
      const client = await RawPeer.connect(proxy.address())
      ports.push(client.socket.localPort)
      client.write(heads[number % 3] ?? "")
      if (number % 3 < 2) await client.until(({ text, ended, closed }) => text !== "" || ended || closed)
      return { client, leave: leaves[Math.floor(number / 3) % 3] ?? "end" }
    }),
  )
  for (const { client, leave } of clients) client.socket[leave]()
  await Promise.all(clients.map(({ client }) => client.closed || once(client.socket, "close")))
  await proxy.close(SHORT_MS)
  const last = events.filter(({ event }) => event !== "open")
  t.same(last.map(({ session }) => session.client).sort(), ports.map((port) => `127.0.0.1:${port}`).sort())
  const opened = events.filter(({ event }) => event === "open").map(({ session }) => session.client)
  t.equal(new Set(opened).size, opened.length)
  t.ok(opened.length > 0)
})

t.test("a handler that throws breaks no session: its error is the program's to catch", async (t) => {
  const backend = await startEchoBackend(t)
  const script = `
    import { WsProxy } from "rws-proxy"
    process.on("uncaughtException", ({ message }) => console.log("caught " + message))
    const proxy = await new WsProxy(["${backend.address}"]).bind("127.0.0.1:0")
    for (const event of ["open", "end", "refuse"]) {
      proxy.on(event, () => {
        throw new Error(event)
      })
      proxy.on(event, () => console.log("never called"))
    }
    console.log("listening on " + proxy.address() + ".")
  `
  const program = Program.start(t, process.execPath, ["--input-type=module", "-e", script])
  const [, address = ""] = await program.untilOutput(/listening on (.*)\.\n/)
  const client = await RawPeer.connect(address)
  client.write(upgradeHead())
  await client.untilText("\r\n\r\n")
  await program.untilOutput(/caught open\n/)
  const head = client.received.length
  await client.write("hello").untilBytes(head + 5)
  t.equal(client.text.slice(head), "hello")
  client.socket.end()
  await client.untilClosed()
  t.equal(client.error, undefined)
  await program.untilOutput(/caught end\n/)
  const refused = await RawPeer.connect(address)
  refused.write("\0")
  await refused.untilEnd()
  t.match(refused.text, /^HTTP\/1\.1 400 /)
  refused.socket.end()
  await refused.untilClosed()
  await program.untilOutput(/caught refuse\n/)
  t.equal(program.stdout.match(/caught/g)?.length, 3)
})

/** Runs a program that starts a proxy with these options, and closes it when it is given a line. */
function startProgram(t: Test, backend: string, options: string): Program {
  const script = `
    import { createLog, createProxy } from "rws-proxy"
    const ws_proxy = [{ name: "chat", bind: "127.0.0.1:0", backends: ["${backend}"] }]
    const proxy = await createProxy({ log: { level: "trace" }, ws_proxy }, ${options})
    console.error(JSON.stringify({ address: proxy.address() }))
    process.stdin.once("data", async () => {
      await proxy.close()
      process.stdin.destroy()
    })
  `
  return Program.start(t, process.execPath, ["--input-type=module", "-e", script])
}

const options: readonly { options: string; logged: readonly string[] }[] = [
  { options: "undefined", logged: [] },
  { options: "{}", logged: [] },
  { options: "{ log: await createLog() }", logged: ["listening", "session refused", "stopped"] },
  { options: '{ log: await createLog("warn") }', logged: ["session refused"] },
  { options: '{ log: await createLog("error") }', logged: [] },
]

for (const { options: written, logged } of options) {
  t.test(
    `createProxy with ${written} logs on standard output: ${logged.join(", ") || "nothing"}`,
    async (t) => {
      const program = startProgram(t, await deadAddress(), written)
      const [, address = ""] = await program.untilOutput(/"address":"(.*)"/)
      const client = await RawPeer.connect(address)
      await client.write(upgradeHead()).untilEnd()
      client.socket.end()
      program.type("close")
      t.same(await program.untilExit(), { code: 0, signal: null }, "nothing keeps the process alive")
      const sessions = logOf(program).filter(({ msg }) => msg !== "backend could not be dialled")
      t.same(
        sessions.map(({ msg }) => msg),
        logged,
      )
    },
  )
}

t.test("close drains: open tunnels may finish, and new clients are refused", async (t) => {
  const { log, lines } = collectLog()
  const backend = await startEchoBackend(t)
  const proxy = await start(t, { ws_proxy: [{ bind: "127.0.0.1:0", backends: [backend.address] }] }, log)
  const address = proxy.address()
  const client = await openTunnel(proxy)
  const closing = proxy.close()
  t.match(await rejectionOf(() => RawPeer.connect(address)), { code: "ECONNREFUSED" })
  const head = client.received.length
  await client.write("hello").untilBytes(head + 5)
  t.equal(lines.filter(({ msg }) => msg === "stopped").length, 0)
  client.socket.end()
  await closing
  t.same(
    lines.map(({ msg }) => msg),
    ["listening", "session ended", "stopped"],
  )
})

t.test("close(0) closes now, also while a close that drains is waiting", async (t) => {
  const { log, lines } = collectLog()
  const backend = await startEchoBackend(t)
  const listener = { bind: "127.0.0.1:0", backends: [backend.address], drain_timeout_ms: 600_000 }
  const proxy = await start(
    t,
    {
      ws_proxy: [
        { name: "one", ...listener },
        { name: "two", ...listener },
      ],
    },
    log,
  )
  const events = eventsOf(proxy)
  const client = await openTunnel(proxy)
  const first = proxy.close()
  const second = proxy.close(0)
  await Promise.all([first, second, client.untilEnd()])
  await proxy.close()
  await proxy.close(0)
  t.same(
    events.map(({ event, session }) => [event, session.reason]),
    [
      ["open", undefined],
      ["end", "drain_timeout"],
    ],
  )
  t.same(
    lines.filter(({ msg }) => msg === "stopped").map(({ listener: name }) => name),
    ["one", "two"],
    "each listener has stopped once",
  )
})

t.test("close resolves when the last session has had its event", async (t) => {
  const backend = await startEchoBackend(t)
  const proxy = await startProxy(t, { backends: [backend.address] })
  const events = eventsOf(proxy)
  await openTunnel(proxy)
  await openTunnel(proxy)
  await proxy.close(0)
  t.equal(events.filter(({ event }) => event === "end").length, 2)
})

t.test("listeners are independent: backends, limits, names and ends", async (t) => {
  const backends = [await startEchoBackend(t), await startEchoBackend(t)]
  const [one, two] = backends.map(({ address }) => address)
  const proxy = await start(t, {
    ws_proxy: [
      { name: "one", bind: "127.0.0.1:0", backends: [one ?? ""], max_connections: 1 },
      { name: "two", bind: "127.0.0.1:0", backends: [two ?? ""], max_head_bytes: 400 },
      { bind: "127.0.0.1:0", backends: [one ?? "", two ?? ""], idle_timeout_ms: SHORT_MS },
    ],
  })
  const addresses = proxy.addresses()
  t.equal(new Set(addresses).size, 3)
  t.equal(proxy.address(), addresses[0])
  const events = eventsOf(proxy)
  const send = async (index: number, head: string) => {
    const client = await RawPeer.connect(addresses[index] ?? "")
    t.teardown(() => client.socket.destroy())
    return client.write(head).untilText("\r\n\r\n")
  }
  const long = upgradeHead({ X: "x".repeat(400) })
  t.match((await send(0, long)).text, /^HTTP\/1\.1 101 /)
  t.match((await send(0, upgradeHead())).text, /^HTTP\/1\.1 503 /)
  t.match((await send(1, long)).text, /^HTTP\/1\.1 431 /)
  t.match((await send(1, upgradeHead())).text, /^HTTP\/1\.1 101 /)
  const idle = await send(2, upgradeHead())
  await idle.untilEnd()
  await once(proxy, "end")
  t.same(
    events.map(({ event, session: { listener, backend } }) => [event, listener, backend]),
    [
      ["open", "one", one],
      ["refuse", "one", undefined],
      ["refuse", "two", undefined],
      ["open", "two", two],
      ["open", "127.0.0.1:0", one],
      ["end", "127.0.0.1:0", one],
    ],
  )
})

t.test("createProxy accepts what loadConfig returns", async (t) => {
  const backend = await startEchoBackend(t)
  const file = join(await temporaryFolder(t), "rws.config.toml")
  await writeFile(file, `[[ws_proxy]]\nbind = "127.0.0.1:0"\nbackends = ["${backend.address}"]\n`)
  const proxy = await start(t, await loadConfig(file))
  t.match((await openTunnel(proxy)).text, /^HTTP\/1\.1 101 /)
})

t.test("an invalid configuration rejects with a ConfigError, and nothing is bound", async (t) => {
  const address = await deadAddress()
  const config = {
    ws_proxy: [
      { bind: address, backends: ["127.0.0.1:9"] },
      { bind: "nowhere", backends: [] },
    ],
  }
  const error = await rejectionOf(() => start(t, config))
  t.ok(error instanceof ConfigError)
  const problems = error instanceof ConfigError ? error.problems : []
  t.same(
    problems.map(({ path }) => path),
    [
      ["ws_proxy", 1, "bind"],
      ["ws_proxy", 1, "backends"],
    ],
  )
  t.match(await rejectionOf(() => RawPeer.connect(address)), { code: "ECONNREFUSED" })
})

t.test("an address that can't be bound rejects with a BindError, and no start is logged", async (t) => {
  const { log, lines } = collectLog()
  const first = await start(t, { ws_proxy: [{ bind: "127.0.0.1:0", backends: ["127.0.0.1:9"] }] })
  const config = {
    ws_proxy: ["127.0.0.1:0", first.address()].map((bind) => ({ bind, backends: ["127.0.0.1:9"] })),
  }
  t.ok((await rejectionOf(() => start(t, config, log))) instanceof BindError)
  t.same(lines, [])
})

t.test("backends may be URL objects, also after a reload that changes nothing", async (t) => {
  const backend = await startEchoBackend(t)
  const url = new URL(`ws://${backend.address}/`)
  const config = (): Config => ({
    pool: { chat: { backends: [{ address: url }] } },
    ws_proxy: [{ bind: "127.0.0.1:0", pool: "chat", route: [{ path: "/other", backends: [url] }] }],
  })
  const proxy = await start(t, config())
  const opened = once(proxy, "open")
  await openTunnel(proxy)
  t.match(await opened, [{ backend: `ws://${backend.address}` }])
  t.same(await proxy.reload(config()), [])
})

t.test("await using drains a proxy at the end of the block", async (t) => {
  const backend = await startEchoBackend(t)
  const config = { ws_proxy: [{ bind: "127.0.0.1:0", backends: [backend.address], drain_timeout_ms: 1 }] }
  const ended: string[] = []
  {
    await using proxy = await createProxy(config)
    proxy.on("end", ({ reason }) => ended.push(reason))
    await openTunnel(proxy)
  }
  t.same(ended, ["drain_timeout"])
})
