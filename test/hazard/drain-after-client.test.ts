/**
 * A session outlives its client's socket while the backend has not read everything. Closing the session must
 * close the backend's connection as well.
 */
import { once } from "node:events"
import { createServer } from "node:net"
import t from "tap"
import { parseBackendAddress } from "../../lib/address/backend-address.js"
import { SessionEnd } from "../../lib/close-reason.js"
import { Connection } from "../../lib/net/connection.js"
import { Dial } from "../../lib/net/dial.js"
import { Sweep } from "../../lib/net/sweep.js"
import { startBackend } from "../support/peers/backend.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { runTunnel } from "../support/peers/run-tunnel.js"

/** More than the kernel's buffers hold. */
const BACKLOG = Buffer.alloc(64 * 1024 * 1024)

t.test("a close reaches a backend that does not read, after the client has gone", async (t) => {
  const backendEnd = await startBackend(t, ({ socket }) => socket.pause())
  const server = createServer({ allowHalfOpen: true }).listen(0, "127.0.0.1")
  t.teardown(() => server.close())
  await once(server, "listening")
  const bound = server.address()
  if (bound === null || typeof bound === "string") throw new Error("not bound to a port")
  const accepted = once(server, "connection")
  const clientEnd = await RawPeer.connect(`127.0.0.1:${bound.port}`)
  const [socket] = await accepted
  const client = Connection.accepted(socket)
  const backend = await new Dial(parseBackendAddress(backendEnd.address).address, { connectTimeoutMs: 5000 })
    .connected

  const sweep = new Sweep([])
  t.teardown(() => sweep.stop())
  const ended = runTunnel(client, backend, {
    sweep,
  })
  const clientGone = once(socket, "close")
  backend.socket.write(BACKLOG)
  const backendPeer = await backendEnd.peer()
  backendPeer.socket.end()
  await clientEnd.untilEnd()
  clientEnd.socket.end()
  await clientGone
  t.ok(backend.socket.writableLength > 0, "the backend has not read everything")
  client.close(new SessionEnd("drain_timeout"))
  t.equal((await ended).reason, "drain_timeout")
  t.ok(backend.socket.destroyed)
})
