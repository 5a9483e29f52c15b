import type { RawPeer } from "./raw-peer.js"

/**
 * Whether a connection that has ended was reset. Usually the socket has an error then, but libuv reports a
 * plain end for a reset right after unread data. In that case a write decides: it succeeds after a FIN and
 * fails after a reset.
 */
export async function wasReset(peer: RawPeer): Promise<boolean> {
  await peer.until(({ ended, closed }) => ended || closed)
  if (peer.error !== undefined) return true
  return new Promise((resolve) => peer.socket.write("x", (error) => resolve(error != null)))
}
