/**
 * A socket that comes from another server has a past: bytes that were read already, listeners and timers of
 * that server, TLS, an earlier request. None of that may reach the tunnel.
 */
import { randomBytes } from "node:crypto"
import { once } from "node:events"
import { createServer } from "node:http"
import { createSecureServer as createHttp2Server } from "node:http2"
import type { AddressInfo, Socket } from "node:net"
import { setImmediate as nextTurn } from "node:timers/promises"
import t from "tap"
import { listenLocally } from "../support/access/http-service.js"
import { upgradeHead } from "../support/http/heads.js"
import { startBackend, startEchoBackend } from "../support/peers/backend.js"
import { untilBeyondHead } from "../support/peers/open-pair.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { untilStalled } from "../support/peers/stalled.js"
import { makeTestCa } from "../support/peers/test-ca.js"
import { wasReset } from "../support/peers/was-reset.js"
import { connectWs, startWsBackend } from "../support/peers/ws-backend.js"
import {
  attach,
  makeHandler,
  nextEndOf,
  nextRefusalBy,
  openAttachedPair,
  startServer,
} from "../support/program/attached.js"
import { Meter } from "../support/program/meter.js"

const SCHEMES = ["http", "https"] as const

const MB = 1_000_000
/** What Node reads at once, and decrypts to its end even if it is to stop. */
const READ_BYTES = 64 * 1024

t.test("early bytes keep their order at every split of head and bytes", async (t) => {
  const backend = await startEchoBackend(t)
  const attached = await attach(t, backend.address)
  const early = "0123456789"
  const bytes = `${upgradeHead()}${early}`
  for (let split = bytes.length - early.length - 3; split <= bytes.length; split++) {
    const client = await attached.connect()
    client.write(bytes.slice(0, split))
    await nextTurn()
    await nextTurn()
    client.write(bytes.slice(split)).write("abc")
    t.equal((await untilBeyondHead(client, 13)).toString(), `${early}abc`, `split at ${split}`)
    client.socket.destroy()
  }
})

for (const scheme of SCHEMES) {
  t.test(`${scheme}: a program may pass the socket on later, and no byte is lost`, async (t) => {
    const backend = await startEchoBackend(t)
    const handler = await makeHandler(t, backend.address)
    const { server, connect } = await startServer(t, scheme)
    const upgrades = once(server, "upgrade")
    const client = (await connect()).write(`${upgradeHead()}one `)
    const [request, socket, head] = await upgrades
    client.write("two ")
    while (socket.readableLength === 0) await nextTurn()
    handler(request, socket, head)
    client.write("three")
    t.equal((await untilBeyondHead(client, 13)).toString(), "one two three")
    client.socket.end()
    await client.untilEnd()
  })

  t.test(`${scheme}: after a FIN from either side the other direction flows on`, async (t) => {
    for (const [first, last] of [
      ["client", "backend"],
      ["backend", "client"],
    ] as const) {
      const pair = await openAttachedPair(t, scheme)
      const end = nextEndOf(pair.handler)
      pair[first].write("bye")
      pair[first].socket.end()
      await pair[last].untilEnd()
      t.equal((await untilBeyondHead(pair[last], 3)).toString(), "bye")
      const much = randomBytes(3 * MB)
      pair[last].write(much)
      pair[last].socket.end()
      await pair[first].untilEnd()
      t.ok((await untilBeyondHead(pair[first], much.length)).equals(much), `${first} first`)
      t.match(await end, { reason: `${first}_fin` })
    }
  })

  t.test(`${scheme}: a reset of the backend resets the client`, async (t) => {
    const pair = await openAttachedPair(t, scheme)
    const end = nextEndOf(pair.handler)
    pair.backend.socket.resetAndDestroy()
    t.ok(await wasReset(pair.client))
    t.match(await end, { reason: "backend_reset" })
  })

  t.test(`${scheme}: a reset of the client resets the backend`, async (t) => {
    const pair = await openAttachedPair(t, scheme)
    const end = nextEndOf(pair.handler)
    const { socket } = pair.client
    const raw = (socket as Socket & { _parent?: Socket })._parent
    ;(raw ?? socket).resetAndDestroy()
    t.ok(await wasReset(pair.backend))
    t.match(await end, { reason: "client_reset" })
  })

  t.test(`${scheme}: a client that does not read stops the backend, and gets everything later`, async (t) => {
    const pair = await openAttachedPair(t, scheme)
    pair.client.socket.pause()
    const meter = new Meter(pair.client)
    const block = randomBytes(MB + 3)
    const before = process.memoryUsage().arrayBuffers
    for (let i = 0; i < 60; i++) pair.backend.socket.write(block)
    await untilStalled(pair.backend.socket)
    const held = process.memoryUsage().arrayBuffers - before
    t.ok(held < 16 * MB, "memory is bounded", { held })
    pair.client.socket.resume()
    await meter.untilBytes(60 * block.length)
  })

  t.test(`${scheme}: a backend that does not read stops the client, and gets everything later`, async (t) => {
    const sockets: Socket[] = []
    const pair = await openAttachedPair(t, scheme, {}, (socket) => sockets.push(socket))
    pair.backend.socket.pause()
    const meter = new Meter(pair.backend)
    const block = randomBytes(MB + 3)
    for (let i = 0; i < 60; i++) pair.client.socket.write(block)
    await untilStalled(pair.client.socket)
    t.ok(pair.client.socket.writableLength > MB, "the client has been stopped")
    t.ok((sockets[0]?.readableLength ?? MB) <= READ_BYTES, "what is read ahead is bounded")
    pair.backend.socket.resume()
    await meter.untilBytes(60 * block.length)
  })
}

t.test("a client that is gone before the handler gets its socket ends as one that aborts", async (t) => {
  const handler = await makeHandler(t, "127.0.0.1:1")
  const { server, connect } = await startServer(t)
  for (const leave of ["reset", "destroyed by the program"]) {
    const upgrades = once(server, "upgrade")
    const client = (await connect()).write(upgradeHead())
    const [request, socket, head] = await upgrades
    socket.on("error", () => {})
    if (leave === "reset") client.socket.resetAndDestroy()
    else socket.destroy()
    await new Promise((resolve) => socket.once("close", resolve))
    const end = nextEndOf(handler)
    handler(request, socket, head)
    t.match(await end, { reason: "client_aborted_in_head", client: "unknown" }, leave)
  }
  t.equal(await handler.close(), 0, "nothing is left of these sessions")
})

t.test("a client that has only half-closed before the handler gets its socket is served", async (t) => {
  const backend = await startEchoBackend(t)
  const handler = await makeHandler(t, backend.address)
  const { server, connect } = await startServer(t)
  const upgrades = once(server, "upgrade")
  const client = (await connect()).write(upgradeHead())
  const [request, socket, head] = await upgrades
  client.socket.end()
  while (!socket.readableEnded) await nextTurn()
  handler(request, socket, head)
  await client.untilEnd()
  t.match(client.text, /^HTTP\/1\.1 (101|502|504|400) |^$/)
  t.equal(await handler.close(), 0)
})

t.test("the server's timeouts do not end a tunnel", async (t) => {
  const backend = await startEchoBackend(t)
  const attached = await attach(t, backend.address)
  attached.server.setTimeout(20)
  attached.server.keepAliveTimeout = 20
  attached.server.headersTimeout = 20
  attached.server.requestTimeout = 20
  const sockets: Socket[] = []
  attached.server.on("connection", (socket: Socket) => sockets.push(socket))
  const client = (await attached.connect()).write("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
  await client.untilText("hello")
  await client.write(upgradeHead()).untilText("101 Switching")
  t.equal(sockets[0]?.timeout, 0)
})

t.test("an upgrade behind a request whose response is not finished closes the connection", async (t) => {
  const backend = await startEchoBackend(t)
  const handler = await makeHandler(t, backend.address)
  const { server, connect } = await startServer(t, "http", () => {})
  server.on("upgrade", handler)
  const client = await connect()
  client.write(`GET / HTTP/1.1\r\nHost: a\r\n\r\n${upgradeHead()}`)
  await client.until(({ ended, closed }) => ended || closed)
  t.equal(client.text, "")
  t.equal(backend.peers.length, 0)
})

const SMUGGLED: { title: string; change: object }[] = [
  { title: "a line break in the target", change: { url: "/chat HTTP/1.1\r\nX-Admin: 1\r\n\r\nGET /" } },
  { title: "a character whose low byte is LF in the target", change: { url: "/chat\u010aX-Admin:1" } },
  { title: "a space in the target", change: { url: "/chat HTTP/1.1 " } },
  { title: "a line break in a field", change: { rawHeaders: ["Host", "a\r\nX-Admin: 1"] } },
  { title: "a line break in a name", change: { rawHeaders: ["X: 1\r\nX-Admin", "1"] } },
  { title: "an empty target", change: { url: "" } },
  { title: "an empty version", change: { httpVersion: "" } },
  { title: "a name without a value", change: { rawHeaders: ["Host"] } },
]

for (const { title, change } of SMUGGLED) {
  t.test(`a request that a program has changed can't smuggle fields: ${title}`, async (t) => {
    const backend = await startBackend(t)
    const handler = await makeHandler(t, backend.address)
    const { server, connect } = await startServer(t)
    server.on("upgrade", (request, socket, head) => {
      const { method, url, httpVersion, rawHeaders } = request
      handler({ method, url, httpVersion, rawHeaders, ...change }, socket, head)
    })
    const refusal = nextRefusalBy(handler)
    const client = (await connect()).write(upgradeHead())
    await client.untilEnd()
    t.match(client.text, /^HTTP\/1\.1 400 /)
    t.match(await refusal, { status: 400 })
    t.equal(backend.peers.length, 0)
  })
}

t.test("fields that Node's lenient parser lets through are refused", async (t) => {
  const backend = await startEchoBackend(t)
  const handler = await makeHandler(t, backend.address)
  const server = createServer({ insecureHTTPParser: true }).on("upgrade", handler)
  const address = await listenLocally(t, server)
  for (const line of ["X-A: 1\r\n folded: 2", "X-A: 1\x00", "X-A: 1\x01"]) {
    const client = await RawPeer.connect(address)
    t.teardown(() => client.socket.destroy())
    client.write(upgradeHead().replace("\r\n\r\n", `\r\n${line}\r\n\r\n`))
    await client.until(({ ended, closed, text }) => ended || closed || text !== "")
    client.socket.destroy()
  }
  for (const { text } of backend.peers) {
    for (const forbidden of ["\n folded", "\x00", "\x01"]) t.notOk(text.includes(forbidden))
  }
})

t.test("clients that leave at any stage leave nothing behind", async (t) => {
  const backend = await startWsBackend(t)
  const attached = await attach(t, {
    backends: [backend.address],
    max_connections: 50,
    max_connections_per_ip: 50,
  })
  const ways: readonly ((client: RawPeer) => unknown)[] = [
    (client) => client.socket.destroy(),
    (client) => client.write(upgradeHead().slice(0, 30)).socket.resetAndDestroy(),
    (client) => client.write(upgradeHead()).socket.destroy(),
    (client) => client.write(upgradeHead()).socket.resetAndDestroy(),
    (client) => client.write(`${upgradeHead()}early`).socket.end(),
    (client) => client.write(upgradeHead({ Upgrade: "none" })).socket.end(),
    async (client) => (await client.write(upgradeHead()).untilText("101 ")).socket.resetAndDestroy(),
    async (client) => (await client.write(upgradeHead()).untilText("101 ")).socket.end(),
  ]
  for (let round = 0; round < 10; round++) {
    await Promise.all(ways.map(async (leave) => leave(await attached.connect())))
  }
  const clients = await Promise.all(Array.from({ length: 50 }, () => attached.connect()))
  const opened = async (client: RawPeer) => {
    await client.write(upgradeHead()).untilText("\r\n\r\n")
    return /^HTTP\/1\.1 101 /.test(client.text)
  }
  t.strictSame(new Set(await Promise.all(clients.map(opened))), new Set([true]), "all places are free")
  t.equal(await attached.handler.close(0), 50)
})

t.test("an HTTP/2 server that allows HTTP/1 has upgrades as well", async (t) => {
  const backend = await startWsBackend(t)
  const { cert, key } = makeTestCa(t).issue("IP:127.0.0.1")
  const server = createHttp2Server({ cert, key, allowHTTP1: true })
  server.on("upgrade", await makeHandler(t, backend.address))
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const client = await connectWs(t, `wss://127.0.0.1:${port}/chat`, { rejectUnauthorized: false })
  t.equal(client.readyState, client.OPEN)
})
