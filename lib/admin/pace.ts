/** Spreads requests over time, so that a client that asks as fast as it can costs a small part of a core. */

/** Between two requests, in the long run. */
const INTERVAL_MS = 2
/** How much of that may be ahead: 250 requests come through at once. */
const BURST_MS = 500
/** A request that would wait longer is not worth it. */
const MAX_WAIT_MS = 5000

export class Pace {
  /** When the next request is due. */
  #nextMs = Number.NEGATIVE_INFINITY

  /** How long a request that arrives now has to wait; undefined if there are too many before it. */
  waitMs(nowMs: number): number | undefined {
    const dueMs = Math.max(this.#nextMs, nowMs - BURST_MS)
    if (dueMs - nowMs > MAX_WAIT_MS) return undefined
    this.#nextMs = dueMs + INTERVAL_MS
    return Math.max(0, dueMs - nowMs)
  }
}
