/** Spreads requests over time, so that clients that ask as fast as they can cost a small part of a core. */
import { type Clock, systemClock } from "../shared/clock.js"

/** Part of the thread's time that handlers get in the long run. */
const SHARE = 1 / 5
/** Between two requests, in the long run, however little they cost. */
const INTERVAL_MS = 2
/** How much may be ahead: 250 cheap requests come through without a wait. */
const BURST_MS = 500
/** The longest wait for what others have cost. */
const MAX_DEBT_MS = 1000
/** More than there are connections: only requests whose clients have gone get there. */
const MAX_WAITING = 100

export class Pace {
  /** When the next request is due. */
  #nextMs = Number.NEGATIVE_INFINITY
  #last: Promise<void> = Promise.resolve()
  #waiting = 0

  constructor(private readonly clock: Clock = systemClock) {}

  /**
   * Resolves when a request may be handled, one at a time: to false if its client has gone or too many wait.
   * @param signal aborted once the client has gone
   */
  async turn(signal: AbortSignal): Promise<boolean> {
    if (this.#waiting >= MAX_WAITING) return false
    this.#waiting++
    this.#last = this.#last.then(() => this.#untilDue(signal))
    await this.#last
    this.#waiting--
    return !signal.aborted
  }

  /** So much time of the thread has gone into a request. */
  spent(ms: number): void {
    this.#nextMs = Math.min(this.#nextMs + ms / SHARE, this.clock.nowMs() + MAX_DEBT_MS)
  }

  async #untilDue(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    // Tunnels come first, and the request before this one can say what it has cost.
    await new Promise((resolve) => setImmediate(resolve))
    const nowMs = this.clock.nowMs()
    const dueMs = Math.max(this.#nextMs, nowMs - BURST_MS)
    this.#nextMs = dueMs + INTERVAL_MS
    if (dueMs <= nowMs) return
    await new Promise<void>((resolve) => this.clock.after(dueMs - nowMs, resolve).unref())
  }
}
