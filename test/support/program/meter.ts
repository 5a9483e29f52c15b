import { createHash, type Hash } from "node:crypto"
import type { RawPeer } from "../peers/raw-peer.js"

/** Counts and hashes what a peer receives instead of storing it: for large transfers. */
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

  /** The hash of all bytes so far. Call it last. */
  digest(): string {
    return this.#hash.digest("hex")
  }

  async untilBytes(bytes: number): Promise<this> {
    await this.peer.until(() => this.bytes >= bytes, `${bytes} bytes`)
    return this
  }
}
