/** A backend on a plain TCP server that acts only on the test's behalf. */
import { once } from "node:events"
import { createServer, type Server } from "node:net"
import type { Test } from "tap"
import { answerHead, type Fields } from "../http/heads.js"
import { RawPeer } from "./raw-peer.js"

export interface RawBackend {
  /** `127.0.0.1:PORT`. */
  readonly address: string
  readonly server: Server
  /** All connections so far. */
  readonly peers: readonly RawPeer[]
  /** Waits for the connection with this index. */
  peer(index?: number): Promise<RawPeer>
}

/** Starts a backend that calls `onPeer` for each connection. It is closed when the test ends. */
export async function startBackend(t: Test, onPeer: (peer: RawPeer) => void = () => {}): Promise<RawBackend> {
  const peers: RawPeer[] = []
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const peer = new RawPeer(socket)
    peers.push(peer)
    onPeer(peer)
    server.emit("peer")
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  t.teardown(() => {
    server.close()
    for (const { socket } of peers) socket.destroy()
  })
  const bound = server.address()
  if (bound === null || typeof bound === "string") throw new Error("not bound to a port")
  return {
    address: `127.0.0.1:${bound.port}`,
    server,
    peers,
    async peer(index = 0) {
      for (;;) {
        const peer = peers[index]
        if (peer !== undefined) return peer
        await once(server, "peer")
      }
    },
  }
}

/** Waits for the request head, then sends a valid 101 and `more` in one write. */
export async function answerUpgrade(peer: RawPeer, fields: Fields = {}, more = ""): Promise<string> {
  await peer.untilText("\r\n\r\n")
  const key = /^sec-websocket-key: *(.*)\r$/im.exec(peer.text)?.[1] ?? ""
  peer.write(answerHead(fields, key) + more)
  return peer.text.slice(0, peer.text.indexOf("\r\n\r\n") + 4)
}

/** A backend that accepts every upgrade and echoes the bytes that follow. */
export function startEchoBackend(t: Test, fields: Fields = {}): Promise<RawBackend> {
  return startBackend(t, (peer) => {
    void answerUpgrade(peer, fields).then((head) => {
      peer.socket.write(peer.received.subarray(head.length))
      peer.socket.pipe(peer.socket)
    })
  })
}

/** An address that nothing listens on. */
export async function deadAddress(): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const bound = server.address()
  if (bound === null || typeof bound === "string") throw new Error("not bound to a port")
  server.close()
  await once(server, "close")
  return `127.0.0.1:${bound.port}`
}
