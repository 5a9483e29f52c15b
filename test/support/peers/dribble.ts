/** Sends in pieces that the other side reads one by one. */
import { setImmediate as nextTurn } from "node:timers/promises"
import type { RawPeer } from "./raw-peer.js"

/**
 * Writes `bytes` in pieces of `size`, one per turn of the event loop: every piece is a packet of its own
 * (Nagle's algorithm is off), and a proxy in the same process reads it before the next one is sent.
 */
export async function dribble(peer: RawPeer, bytes: string | Buffer, size = 1): Promise<void> {
  const all = typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes
  for (let at = 0; at < all.length; at += size) {
    await new Promise<void>((resolve, reject) =>
      peer.socket.write(all.subarray(at, at + size), (error) => (error == null ? resolve() : reject(error))),
    )
    await nextTurn()
  }
}
