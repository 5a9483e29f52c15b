import { createHash, type Hash } from "node:crypto"
import type { RawPeer } from "../peers/raw-peer.js"

/** Counts and hashes what a peer gets from now on, instead of keeping it: for more than a test wants to hold in memory. */
export class Meter {
  bytes = 0
  readonly #hash: Hash = createHash("sha256")

  constructor(readonly peer: RawPeer) {
    const { socket } = peer
    const flowing = !socket.isPaused()
    socket.removeAllListeners("data")
    socket.on("data", (bytes: Buffer) => {
      this.bytes += bytes.length
      this.#hash.update(bytes)
    })
    if (!flowing) socket.pause()
  }

  /** The hash of all so far. Nothing may come after it has been taken. */
  digest(): string {
    return this.#hash.digest("hex")
  }

  async untilBytes(bytes: number): Promise<this> {
    await this.peer.until(() => this.bytes >= bytes, `${bytes} bytes`)
    return this
  }
}
