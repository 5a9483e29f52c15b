import { once } from "node:events"
import { createServer } from "node:http"
import { Server, type Socket as Session } from "socket.io"
import { io, type Socket } from "socket.io-client"
import t, { type Test } from "tap"
import { serveRws } from "../../support/program/program.js"

interface Backend {
  readonly address: string
  readonly port: number
  stop(): Promise<void>
}

/** A Socket.IO server that sends its name, adds numbers and broadcasts a client's shouts to the others. */
async function startBackend(t: Test, name: string, port = 0): Promise<Backend> {
  const web = createServer()
  const server = new Server(web, { transports: ["websocket"] })
  server.on("connection", (session: Session) => {
    session.emit("name", name)
    session.on("add", (a: number, b: number, answer: (sum: number) => void) => answer(a + b))
    session.on("bytes", (bytes: Buffer, answer: (bytes: Buffer) => void) => answer(bytes))
    session.on("shout", (text: string) => server.emit("shouted", text))
    session.on("ask me", async (answer: (text: string) => void) => answer(await session.emitWithAck("who?")))
    session.on("leave", () => session.disconnect())
  })
  web.listen(port, "127.0.0.1")
  await once(web, "listening")
  const stop = () => server.close()
  t.teardown(stop)
  const bound = web.address()
  if (bound === null || typeof bound === "string") throw new Error("not bound to a port")
  return { address: `127.0.0.1:${bound.port}`, port: bound.port, stop }
}

/** An unconnected client that never falls back to polling, which needs more than one request. */
function client(t: Test, address: string): Socket {
  const socket = io(`http://${address}`, {
    transports: ["websocket"],
    autoConnect: false,
    forceNew: true,
    reconnectionDelay: 20,
    reconnectionDelayMax: 20,
  })
  t.teardown(() => socket.disconnect())
  return socket
}

/** Waits for an event and resolves to its first argument. */
function next<Value>(socket: Socket, event: string): Promise<Value> {
  return new Promise((resolve) => socket.once(event, resolve))
}

/** Connects and resolves to the name of the session's backend. */
function connect(socket: Socket): Promise<string> {
  const name = next<string>(socket, "name")
  socket.connect()
  return name
}

t.test("events and acknowledgements work in both directions", async (t) => {
  const backend = await startBackend(t, "only")
  const { address } = await serveRws(t, [backend.address])
  const socket = client(t, address)
  t.equal(await connect(socket), "only")
  t.equal(await socket.emitWithAck("add", 2, 3), 5)

  const bytes = Buffer.from(Array.from({ length: 4096 }, (_, index) => index % 256))
  const back: Buffer = await socket.emitWithAck("bytes", bytes)
  t.ok(back.equals(bytes), "binary attachments arrive whole")

  socket.on("who?", (answer: (text: string) => void) => answer("a client"))
  t.equal(await socket.emitWithAck("ask me"), "a client")
})

t.test("a broadcast from one client reaches the others", async (t) => {
  const backend = await startBackend(t, "only")
  const { address } = await serveRws(t, [backend.address])
  const sockets = [1, 2, 3].map(() => client(t, address))
  await Promise.all(sockets.map(connect))
  const heard = sockets.map((socket) => next<string>(socket, "shouted"))
  sockets[0]?.emit("shout", "hello all")
  t.strictSame(await Promise.all(heard), ["hello all", "hello all", "hello all"])
})

t.test("either side can disconnect, and the other learns which side it was", async (t) => {
  const backend = await startBackend(t, "only")
  const { address } = await serveRws(t, [backend.address])
  const socket = client(t, address)
  await connect(socket)
  const reason = next<string>(socket, "disconnect")
  socket.emit("leave")
  t.equal(await reason, "io server disconnect")
  t.equal(await connect(socket), "only", "it can reconnect")
})

t.test("two backends get sessions in turn", async (t) => {
  const backends = await Promise.all([startBackend(t, "one"), startBackend(t, "two")])
  const { address } = await serveRws(
    t,
    backends.map((backend) => backend.address),
  )
  const names: string[] = []
  for (let session = 0; session < 4; session++) names.push(await connect(client(t, address)))
  t.strictSame(names, ["one", "two", "one", "two"])
})

t.test("a client reconnects by itself when its backend has been restarted", async (t) => {
  const backend = await startBackend(t, "before")
  const { address } = await serveRws(t, [backend.address])
  const socket = client(t, address)
  t.equal(await connect(socket), "before")

  const left = next<string>(socket, "disconnect")
  const refused = next<Error>(socket, "connect_error")
  await backend.stop()
  t.equal(await left, "transport close")
  t.match((await refused).message, "websocket error")

  const name = next<string>(socket, "name")
  await startBackend(t, "after", backend.port)
  t.equal(await name, "after")
  t.equal(await socket.emitWithAck("add", 20, 22), 42)
})

t.test("a client whose backend stops reconnects to the other one", async (t) => {
  const [one, two] = await Promise.all([startBackend(t, "one"), startBackend(t, "two")])
  const { address } = await serveRws(t, [one.address, two.address])
  const socket = client(t, address)
  t.equal(await connect(socket), "one")
  const name = next<string>(socket, "name")
  await one.stop()
  t.equal(await name, "two")
})
