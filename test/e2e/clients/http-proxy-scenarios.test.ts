/**
 * What http-proxy's own tests of WebSockets ask of it, in our words, asked of a handler in the same place:
 * the "upgrade" event of a server.
 */
import { once } from "node:events"
import { createServer } from "node:http"
import { createServer as createSecureServer } from "node:https"
import type { AddressInfo } from "node:net"
import { Server as SocketIo } from "socket.io"
import { io } from "socket.io-client"
import t, { type Test } from "tap"
import { WebSocket, WebSocketServer } from "ws"
import { upgradeHead } from "../../support/http/heads.js"
import { answerUpgrade, deadAddress, startBackend } from "../../support/peers/backend.js"
import { type Issued, makeTestCa } from "../../support/peers/test-ca.js"
import {
  closeOf,
  connectWs,
  echo,
  messagesOf,
  nextSession,
  startWsBackend,
} from "../../support/peers/ws-backend.js"
import { attach, nextEndOf, nextRefusalBy } from "../../support/program/attached.js"

t.test("a message goes to the backend and the reply comes back", async (t) => {
  const backend = await startWsBackend(t, ({ socket }) =>
    socket.on("message", (message) => socket.send(`Hello ${message}`)),
  )
  const attached = await attach(t, new URL(`ws://${backend.address}`))
  const client = await connectWs(t, `ws://${attached.address}`)
  const next = messagesOf(client)
  client.send("over websockets")
  t.strictSame(await next(), { data: Buffer.from("Hello over websockets"), binary: false })
})

t.test("a dead backend: the client gets an error, and so does an event, and nothing throws", async (t) => {
  const attached = await attach(t, await deadAddress())
  const refusal = nextRefusalBy(attached.handler)
  const client = new WebSocket(`ws://${attached.address}`)
  const [error] = await once(client, "error")
  t.match(error, { message: "Unexpected server response: 502" })
  t.match(await refusal, { reason: "backend_unreachable", status: 502 })
  const second = new WebSocket(`ws://${attached.address}`)
  t.match(await once(second, "error"), [{ message: "Unexpected server response: 502" }])
})

t.test("a backend that is no WebSocket server: the client gets its response", async (t) => {
  const web = createServer((_request, response) => response.writeHead(418).end("a teapot"))
  web.listen(0, "127.0.0.1")
  await once(web, "listening")
  t.teardown(() => web.close())
  const attached = await attach(t, `127.0.0.1:${(web.address() as AddressInfo).port}`)
  const client = new WebSocket(`ws://${attached.address}`)
  t.match(await once(client, "error"), [{ message: "Unexpected server response: 418" }])
})

t.test("when the backend closes, the client closes with its code and reason", async (t) => {
  const backend = await startWsBackend(t)
  const attached = await attach(t, backend.address)
  const session = nextSession(backend)
  const client = await connectWs(t, `ws://${attached.address}`)
  const closed = closeOf(client)
  ;(await session).socket.close(4001, "maintenance")
  t.strictSame(await closed, { code: 4001, reason: "maintenance" })
})

t.test("when the client closes, the backend closes with its code, and an event says who", async (t) => {
  const backend = await startWsBackend(t)
  const attached = await attach(t, backend.address)
  const end = nextEndOf(attached.handler)
  const session = nextSession(backend)
  const client = await connectWs(t, `ws://${attached.address}`)
  const closed = closeOf((await session).socket)
  client.close(1000, "done")
  t.strictSame(await closed, { code: 1000, reason: "done" })
  t.match(await end, { reason: /_fin$/ })
})

t.test("the handler's close closes the clients", async (t) => {
  const backend = await startWsBackend(t)
  const attached = await attach(t, { backends: [backend.address], close_frames: true })
  const client = await connectWs(t, `ws://${attached.address}`)
  const closed = closeOf(client)
  t.equal(await attached.handler.close(0), 1)
  t.match(await closed, { code: /^10(?:06|12)$/ })
})

t.test("a Socket.IO stream, with the client's Origin", async (t) => {
  const web = createServer()
  const origins: unknown[] = []
  const server = new SocketIo(web, { transports: ["websocket"] })
  server.on("connection", (session) => {
    origins.push(session.handshake.headers.origin)
    session.on("incoming", (message: string) => session.emit("outgoing", `Hello ${message}`))
  })
  web.listen(0, "127.0.0.1")
  await once(web, "listening")
  t.teardown(() => server.close())
  const attached = await attach(t, `127.0.0.1:${(web.address() as AddressInfo).port}`)
  const client = io(`http://${attached.address}`, {
    transports: ["websocket"],
    extraHeaders: { Origin: "https://app.example" },
    forceNew: true,
  })
  t.teardown(() => client.disconnect())
  client.emit("incoming", "over websockets")
  const reply = await new Promise((resolve) => client.once("outgoing", resolve))
  t.equal(reply, "Hello over websockets")
  t.strictSame(origins, ["https://app.example"])
})

t.test("a Socket.IO client notices that the backend has closed its connection", async (t) => {
  const web = createServer()
  const server = new SocketIo(web, { transports: ["websocket"] })
  server.on("connection", (session) => session.disconnect(true))
  web.listen(0, "127.0.0.1")
  await once(web, "listening")
  t.teardown(() => server.close())
  const attached = await attach(t, `127.0.0.1:${(web.address() as AddressInfo).port}`)
  const client = io(`http://${attached.address}`, { transports: ["websocket"], forceNew: true })
  t.teardown(() => client.disconnect())
  t.equal(await new Promise((resolve) => client.once("disconnect", resolve)), "io server disconnect")
})

t.test("all Set-Cookie fields of the 101 reach the client", async (t) => {
  const backend = await startWsBackend(t)
  backend.server.on("headers", (headers: string[]) => {
    headers.push("Set-Cookie: test1=test1", "Set-Cookie: test2=test2; Path=/", "X-Backend: one")
  })
  const attached = await attach(t, backend.address)
  const client = new WebSocket(`ws://${attached.address}`)
  t.teardown(() => client.terminate())
  const [response] = await once(client, "upgrade")
  t.strictSame(response.headers["set-cookie"], ["test1=test1", "test2=test2; Path=/"])
  t.equal(response.headers["x-backend"], "one")
})

t.test(
  "fields can be set in the request for the backend, and repeated ones of the client stay",
  async (t) => {
    const backend = await startBackend(t)
    const attached = await attach(t, {
      backends: [backend.address],
      request_headers: { set: { "X-Special-Proxy-Header": "foobar" }, remove: ["X-Internal"] },
    })
    const client = await attached.connect()
    client.write(upgradeHead({ "X-Custom": ["one", "two"], "x-cAsE": "kept", "X-Internal": "1" }))
    const head = await answerUpgrade(await backend.peer())
    t.match(head, "X-Special-Proxy-Header: foobar\r\n")
    t.match(head, "X-Custom: one\r\nX-Custom: two\r\n")
    t.match(head, "x-cAsE: kept\r\n")
    t.notMatch(head, "X-Internal")
  },
)

t.test("subprotocols and query reach the backend", async (t) => {
  const backend = await startWsBackend(t)
  const attached = await attach(t, backend.address)
  const session = nextSession(backend)
  const client = new WebSocket(`ws://${attached.address}/?a=1&b=%20`, ["chat.v2", "chat.v1"])
  t.teardown(() => client.terminate())
  await once(client, "open")
  t.equal(client.protocol, "chat.v2")
  t.equal((await session).request.url, "/?a=1&b=%20")
})

t.test("a backend's path is prepended", async (t) => {
  const backend = await startWsBackend(t)
  const attached = await attach(t, new URL(`ws://${backend.address}/base/`))
  const session = nextSession(backend)
  await connectWs(t, `ws://${attached.address}/chat`)
  t.equal((await session).request.url, "/base/chat")
})

t.test("large messages arrive whole, in both directions", async (t) => {
  const backend = await startWsBackend(t, echo, { maxPayload: 64_000_000 })
  const attached = await attach(t, backend.address)
  const client = await connectWs(t, `ws://${attached.address}`, { maxPayload: 64_000_000 })
  const next = messagesOf(client)
  const large = Buffer.alloc(20_000_000, "0123456789")
  client.send(large)
  t.ok((await next()).data.equals(large))
})

for (const [title, secureServer, secureBackend] of [
  ["https to http", true, false],
  ["http to https", false, true],
  ["https to https", true, true],
] as const) {
  t.test(`secure: ${title}`, async (t) => {
    const ca = makeTestCa(t)
    const { server: web, url } = await startSecureOrPlain(
      t,
      secureBackend ? ca.issue("IP:127.0.0.1") : undefined,
    )
    const attached = await attach(
      t,
      { backends: [url], ...(secureBackend ? { tls: { ca: ca.certFile } } : {}) },
      secureServer ? "https" : "http",
    )
    const scheme = secureServer ? "wss" : "ws"
    const client = await connectWs(t, `${scheme}://${attached.address}`, { rejectUnauthorized: false })
    const next = messagesOf(client)
    client.send("secret")
    t.equal(String((await next()).data), "secret")
    t.ok(web.clients.size > 0)
  })
}

t.test("secure: a backend whose certificate is not trusted is refused", async (t) => {
  const { url } = await startSecureOrPlain(t, makeTestCa(t).issue("IP:127.0.0.1"))
  const strict = await attach(t, url)
  const refused = new WebSocket(`ws://${strict.address}`)
  t.match(await once(refused, "error"), [{ message: "Unexpected server response: 502" }])
  const lenient = await attach(t, { backends: [url], tls: { insecure_skip_verify: true } })
  await connectWs(t, `ws://${lenient.address}`)
})

/** A WebSocket server that echoes, behind TLS if there is a certificate. */
async function startSecureOrPlain(t: Test, issued: Issued | undefined) {
  const web =
    issued === undefined ? createServer() : createSecureServer({ cert: issued.cert, key: issued.key })
  const server = new WebSocketServer({ server: web })
  server.on("connection", (socket, request) => echo({ socket, request }))
  web.listen(0, "127.0.0.1")
  await once(web, "listening")
  t.teardown(() => {
    for (const socket of server.clients) socket.terminate()
    web.close()
  })
  const { port } = web.address() as AddressInfo
  return { server, url: new URL(`${issued === undefined ? "ws" : "wss"}://127.0.0.1:${port}`) }
}
