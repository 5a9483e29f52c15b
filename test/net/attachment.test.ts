import { once } from "node:events"
import { createServer, type Socket } from "node:net"
import { PassThrough } from "node:stream"
import t, { type Test } from "tap"
import { Attachment, adopt } from "../../lib/net/attachment.js"
import { Connection } from "../../lib/net/connection.js"
import { RawPeer } from "../support/peers/raw-peer.js"

const NO_BYTES = Buffer.alloc(0)

/** A socket that a server has accepted and paused. */
async function acceptedSocket(t: Test): Promise<{ socket: Socket; client: RawPeer }> {
  const server = createServer({ pauseOnConnect: true }).listen(0, "127.0.0.1")
  await once(server, "listening")
  const bound = server.address()
  if (bound === null || typeof bound === "string") throw new Error("not bound to a port")
  const accepting = once(server, "connection")
  const client = await RawPeer.connect(`127.0.0.1:${bound.port}`)
  const [socket] = await accepting
  t.teardown(() => {
    server.close()
    client.socket.destroy()
    socket.destroy()
  })
  return { socket, client }
}

t.test("an attachment brings clients to its listener until it is closed", async (t) => {
  const attachment = new Attachment()
  const brought: Connection[] = []
  const { socket } = await acceptedSocket(t)
  const client = Connection.adopted(socket, NO_BYTES)
  t.equal(attachment.bring(client), false, "without a listener")
  attachment.serve({ onClient: (one) => brought.push(one) })
  await attachment.listen()
  t.equal(attachment.bring(client), true)
  await attachment.close()
  await attachment.stopped
  t.equal(attachment.bring(client), false)
  t.equal(brought.length, 1)
})

t.test("a socket is adopted once, and without its server's timeout", async (t) => {
  const { socket } = await acceptedSocket(t)
  socket.setTimeout(1000)
  const client = adopt(socket, NO_BYTES)
  t.ok(client instanceof Connection)
  t.match(client, { isAdopted: true, isTls: false, hasAborted: false })
  t.equal(socket.timeout, 0)
  t.equal(socket.allowHalfOpen, true)
  t.equal(adopt(socket, NO_BYTES), "taken")
})

t.test("a stream that is no socket is not adopted", async (t) => {
  t.equal(adopt(new PassThrough(), NO_BYTES), "not a socket")
})

t.test("a socket with an unfinished response is destroyed", async (t) => {
  const { socket } = await acceptedSocket(t)
  t.equal(adopt(Object.assign(socket, { _httpMessage: {} }), NO_BYTES), "busy")
  t.equal(socket.destroyed, true)
})

t.test("a socket with listeners for its data keeps them", async (t) => {
  const { socket, client } = await acceptedSocket(t)
  let seen = ""
  socket.on("data", (bytes) => {
    seen += bytes
  })
  const connection = Connection.adopted(socket, Buffer.from("head "))
  t.equal(connection.lends, false)
  let received = ""
  const done = new Promise<void>((resolve) => {
    connection.attach({
      onBytes: (bytes) => {
        received += bytes
        if (received.endsWith("more")) resolve()
      },
      onEnd: () => {},
      onDrain: () => {},
      onClose: () => {},
    })
  })
  client.write("more")
  await done
  t.equal(received, "head more")
  t.equal(seen, "more")
})
