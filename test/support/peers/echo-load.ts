/** Long tunnels to an echo backend, in which every byte that comes back is compared. */
import { randomBytes, randomInt } from "node:crypto"
import { once } from "node:events"
import { setImmediate as nextTurn } from "node:timers/promises"
import { answerUpgrade } from "./backend.js"
import type { RawPeer } from "./raw-peer.js"

/** More than one read of the proxy. */
const MAX_BYTES = 100_000

/**
 * For `startBackend`. Echoes without recording: what the peer keeps of a long tunnel would grow without end.
 */
export function echoForgetfully(peer: RawPeer): void {
  answerUpgrade(peer).then(
    () => {
      peer.socket.on("data", (bytes: Buffer) => {
        peer.received = Buffer.alloc(0)
        peer.socket.write(bytes)
      })
      peer.socket.on("end", () => peer.socket.end())
    },
    () => {},
  )
}

/** Sends random bytes through an open tunnel and compares what comes back, again and again. */
export class EchoLoad {
  rounds = 0
  /** That came back as they were sent. */
  bytes = 0
  isWrong = false
  #isStopped = false
  #running: Promise<void> | undefined

  constructor(readonly peer: RawPeer) {}

  get isBroken(): boolean {
    return this.peer.closed || this.peer.ended
  }

  /** @param pause awaited after each round */
  start(pause: () => Promise<unknown> = () => nextTurn()): void {
    this.#running = this.#run(pause)
  }

  /** Resolves after the round in progress. */
  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#running
  }

  /** Resolves after so many more rounds, or when the tunnel is gone. */
  async untilMore(rounds: number): Promise<void> {
    const wanted = this.rounds + rounds
    while (this.rounds < wanted && !this.isBroken) await once(this.peer.socket, "round")
  }

  async #run(pause: () => Promise<unknown>): Promise<void> {
    const { peer } = this
    peer.received = Buffer.alloc(0)
    while (!this.#isStopped && !this.isBroken) {
      const sent = randomBytes(randomInt(1, MAX_BYTES))
      peer.socket.write(sent)
      await peer
        .until(({ received, closed, ended }) => received.length >= sent.length || closed || ended)
        .catch(() => {})
      const { received } = peer
      if (received.equals(sent.subarray(0, received.length))) this.bytes += received.length
      else this.isWrong = true
      peer.received = Buffer.alloc(0)
      this.rounds++
      peer.socket.emit("round")
      await pause()
      // Nothing may come that was not sent.
      if (peer.received.length > 0) this.isWrong = true
    }
    peer.socket.emit("round")
  }
}
