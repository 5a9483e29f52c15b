/** Connections as the stages get them; the test holds the far end of each. */
import { once } from "node:events"
import { createServer, type NetConnectOpts, type Server } from "node:net"
import { join } from "node:path"
import type { Test } from "tap"
import { Connection } from "../../../lib/net/connection.js"
import { ACCEPTED } from "../../../lib/net/listener.js"
import { RawPeer } from "./raw-peer.js"
import { socketFolder } from "./socket-folder.js"

export interface ConnectionEnds {
  readonly peer: Connection
  readonly far: RawPeer
}

export interface PeerKind {
  readonly title: string
  readonly connect: (t: Test) => Promise<ConnectionEnds>
}

/** A client: an accepted connection. */
export function acceptPeer(t: Test): Promise<ConnectionEnds> {
  return connectPeers(t, { host: "127.0.0.1", port: 0 }, "accepted")
}

/** A backend: a dialled connection, which lends its bytes. */
export function dialPeer(t: Test): Promise<ConnectionEnds> {
  return connectPeers(t, { host: "127.0.0.1", port: 0 }, "dialled")
}

/** All kinds of connections that a session has. */
export const PEER_KINDS: readonly PeerKind[] = [
  { title: "an accepted peer", connect: acceptPeer },
  { title: "a dialled peer", connect: dialPeer },
  {
    title: "a peer accepted on a Unix socket",
    connect: (t) => connectPeers(t, { path: join(socketFolder(t), "s") }, "accepted"),
  },
  {
    title: "a peer dialled on a Unix socket",
    connect: (t) => connectPeers(t, { path: join(socketFolder(t), "s") }, "dialled"),
  },
]

async function connectPeers(
  t: Test,
  at: { host: string; port: number } | { path: string },
  near: "accepted" | "dialled",
): Promise<ConnectionEnds> {
  const server = createServer(ACCEPTED)
  server.listen(at)
  await once(server, "listening")
  const bound = server.address()
  const to = typeof bound === "object" && bound !== null ? { host: bound.address, port: bound.port } : at
  const connection = await (near === "dialled"
    ? dialTo(server, to as NetConnectOpts)
    : acceptFrom(server, to))
  t.teardown(() => {
    connection.peer.socket.destroy()
    connection.far.socket.destroy()
    server.close()
  })
  return connection
}

async function dialTo(server: Server, to: NetConnectOpts): Promise<ConnectionEnds> {
  const accepted = once(server, "connection")
  const peer = Connection.dialled({ ...to, allowHalfOpen: true })
  const [socket] = await accepted
  const far = new RawPeer(socket)
  if (peer.socket.connecting) await once(peer.socket, "connect")
  return { peer, far }
}

async function acceptFrom(server: Server, to: object): Promise<ConnectionEnds> {
  const accepted = new Promise<Connection>((resolve) => {
    server.once("connection", (socket) => resolve(Connection.accepted(socket)))
  })
  const far = await RawPeer.connect("", to)
  return { peer: await accepted, far }
}

/** Waits until the socket is gone, with or without an error. It must not be gone yet. */
export function untilGone({ socket }: Connection): Promise<void> {
  return new Promise((resolve) => socket.once("close", () => resolve()))
}
