/** Programs that look at a connection's first bytes, or wrap it, before the HTTP server gets it. */
import { once } from "node:events"
import { createServer as createHttpServer } from "node:http"
import { createServer as createHttpsServer } from "node:https"
import { type AddressInfo, createServer, type Socket } from "node:net"
import { Duplex } from "node:stream"
import t, { type Test } from "tap"
import { upgradeHead } from "../support/http/heads.js"
import { startEchoBackend } from "../support/peers/backend.js"
import { untilBeyondHead } from "../support/peers/open-pair.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { makeTestCa } from "../support/peers/test-ca.js"
import { connectWs, echo, messagesOf, startWsBackend } from "../support/peers/ws-backend.js"
import { makeHandler, nextEndOf } from "../support/program/attached.js"

/** Listens on a free port and passes each connection on. */
async function startFront(t: Test, onSocket: (socket: Socket) => void): Promise<string> {
  const server = createServer(onSocket).listen(0, "127.0.0.1")
  await once(server, "listening")
  t.teardown(() => server.close())
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

t.test("a socket whose first bytes were read and put back", async (t) => {
  const backend = await startEchoBackend(t)
  const server = createHttpServer().on("upgrade", await makeHandler(t, backend.address))
  const address = await startFront(t, (socket) => {
    socket.once("data", (bytes) => {
      socket.pause()
      socket.unshift(bytes)
      server.emit("connection", socket)
      socket.resume()
    })
  })
  const client = await RawPeer.connect(address)
  t.teardown(() => client.socket.destroy())
  client.write(`${upgradeHead()}early `)
  await client.untilText("101 Switching")
  client.write("late")
  t.equal((await untilBeyondHead(client, 10)).toString(), "early late")
})

t.test("TLS over a stream that is no socket", async (t) => {
  const backend = await startWsBackend(t, echo)
  const handler = await makeHandler(t, backend.address)
  const { cert, key } = makeTestCa(t).issue("IP:127.0.0.1")
  const server = createHttpsServer({ cert, key }).on("upgrade", handler)
  const address = await startFront(t, (socket) => server.emit("connection", wrap(socket)))
  const client = await connectWs(t, `wss://${address}/chat`, { rejectUnauthorized: false })
  const next = messagesOf(client)
  client.send("hello")
  t.equal(String((await next()).data), "hello")
  const end = nextEndOf(handler)
  const [session] = backend.server.clients
  session?.terminate()
  await once(client, "close")
  t.match(await end, { reason: /^backend_(?:fin|reset)$/ })
})

/** A stream that hides the socket below it. */
function wrap(socket: Socket): Duplex {
  const stream = new Duplex({
    read: () => void socket.resume(),
    write: (bytes, _encoding, done) => void socket.write(bytes, done),
    final: (done) => void socket.end(done),
    destroy: (error, done) => {
      socket.destroy()
      done(error)
    },
  })
  socket.on("data", (bytes) => {
    if (!stream.push(bytes)) socket.pause()
  })
  socket.on("end", () => stream.push(null))
  socket.on("error", (error) => stream.destroy(error))
  socket.on("close", () => stream.destroy())
  return stream
}
