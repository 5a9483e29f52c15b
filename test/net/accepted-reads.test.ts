import { once } from "node:events"
import { createServer, Socket } from "node:net"
import t, { type Test } from "tap"
import { createReadInto } from "../../lib/net/accepted-reads.js"
import { Connection } from "../../lib/net/connection.js"
import { ACCEPTED } from "../../lib/net/listener.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { RecordingHandler } from "../support/peers/recording-handler.js"

const BUFFER = Buffer.alloc(1024)

/** A socket that a server has accepted, as the listener gets it, and its far end. */
async function accept<Result>(t: Test, use: (socket: Socket) => Result) {
  const server = createServer(ACCEPTED).listen(0, "127.0.0.1")
  await once(server, "listening")
  const used = new Promise<Result>((resolve) => server.once("connection", (socket) => resolve(use(socket))))
  const far = await RawPeer.connect("", server.address() as { port: number })
  t.teardown(() => {
    far.socket.destroy()
    server.close()
  })
  return { far, result: await used }
}

t.test("an accepted socket reads into the given buffer and emits no data", async (t) => {
  let onRead = (_text: string) => {}
  const callback = (length: number, buffer: Uint8Array) => {
    t.equal(buffer, BUFFER)
    onRead(BUFFER.toString("latin1", 0, length))
    return true
  }
  const readInto = createReadInto({ buffer: BUFFER, callback })
  const { far, result: socket } = await accept(t, (socket) => {
    // If this fails, this version of Node keeps `onread` elsewhere: uploads cost twice as much CPU time.
    t.equal(readInto(socket), true)
    socket.on("data", () => t.fail("the bytes are in the buffer"))
    return socket
  })
  const read = new Promise<string>((resolve) => {
    onRead = resolve
  })
  far.write("hello")
  t.equal(await read, "hello")
  far.socket.end()
  await once(socket, "end")
  socket.destroy()
})

t.test("with the public API only, a socket is left as it is", async (t) => {
  const readInto = createReadInto({ buffer: BUFFER, callback: () => t.fail("not used") as never }, true)
  const { far, result: socket } = await accept(t, (socket) => {
    t.equal(readInto(socket), false)
    return socket
  })
  far.write("hello")
  t.same(await once(socket, "data"), [Buffer.from("hello")])
  socket.destroy()
})

t.test("a socket whose handle cannot read into a buffer is left as it is", async (t) => {
  const readInto = createReadInto({ buffer: BUFFER, callback: () => true })
  t.equal(readInto(new Socket()), false)
})

t.test("the bytes of two accepted connections do not mix, though they share a buffer", async (t) => {
  const open = () => accept(t, (socket) => Connection.accepted(socket))
  const ends = [await open(), await open()]
  for (const [index, { far }] of ends.entries()) far.write(`for ${index}`)
  for (const [index, { result: connection }] of ends.entries()) {
    const handler = new RecordingHandler()
    connection.attach(handler)
    await handler.untilBytes(5)
    t.equal(handler.text, `for ${index}`)
    connection.socket.destroy()
  }
})
