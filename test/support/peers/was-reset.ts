import type { RawPeer } from "./raw-peer.js"

/**
 * Whether a connection that is at its end was reset. An error says so; but where a reset comes right behind
 * data that had not been read yet, libuv reports a plain end. Then a write tells: behind a FIN it is taken,
 * behind a reset it fails.
 */
export async function wasReset(peer: RawPeer): Promise<boolean> {
  await peer.until(({ ended, closed }) => ended || closed)
  if (peer.error !== undefined) return true
  return new Promise((resolve) => peer.socket.write("x", (error) => resolve(error != null)))
}
