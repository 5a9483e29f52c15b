/** Closes many sessions evenly over a time, so that their clients do not all come back in the same moment. */
import type { CloseReason } from "../close-reason.js"
import type { Clock, Timer } from "../shared/clock.js"
import type { LiveSession } from "./registry.js"

/** Sessions that are due within this time are closed together. */
const SHORTEST_PAUSE_MS = 10

export class Spread {
  readonly #startedMs: number
  #closed = 0
  #timer: Timer | undefined

  /**
   * Closes the first session at once, and the last one before the time is over.
   * @param overMs 0 = all of them at once
   */
  constructor(
    private readonly sessions: readonly LiveSession[],
    private readonly reason: CloseReason,
    private readonly overMs: number,
    private readonly clock: Clock,
  ) {
    this.#startedMs = clock.nowMs()
    this.#closeDue()
  }

  /** Closes no more of them. */
  cancel(): void {
    this.#timer?.cancel()
  }

  #closeDue(): void {
    const { sessions, reason, overMs, clock } = this
    const passedMs = clock.nowMs() - this.#startedMs
    const due = overMs > 0 ? Math.floor((passedMs * sessions.length) / overMs) + 1 : sessions.length
    for (const session of sessions.slice(this.#closed, due)) session.close(reason)
    this.#closed = Math.min(due, sessions.length)
    if (this.#closed === sessions.length) return
    const pauseMs = (this.#closed * overMs) / sessions.length - passedMs
    // The sessions keep the process alive.
    this.#timer = clock.after(Math.max(Math.ceil(pauseMs), SHORTEST_PAUSE_MS), () => this.#closeDue()).unref()
  }
}
