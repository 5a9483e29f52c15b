/** Tells the time and waits. A clock is passed in, so that tests can advance it. */

import { toTimerMs } from "./timer.js"

export interface Clock {
  /** Milliseconds of a monotonic clock. */
  nowMs(): number
  /**
   * Calls back once, after at least `ms` milliseconds, 24 days at most. The timer keeps the process alive.
   */
  after(ms: number, callback: () => void): Timer
}

export interface Timer {
  /** The callback is not called any more. Does nothing once it has been called. */
  cancel(): void
  /** The timer no longer keeps the process alive. */
  unref(): this
}

class SystemTimer implements Timer {
  readonly #timeout: NodeJS.Timeout

  constructor(ms: number, callback: () => void) {
    this.#timeout = setTimeout(callback, toTimerMs(ms))
  }

  cancel(): void {
    clearTimeout(this.#timeout)
  }

  unref(): this {
    this.#timeout.unref()
    return this
  }
}

/** The system's clock. All worker threads of a process see the same time. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  after: (ms, callback) => new SystemTimer(ms, callback),
}

/** Milliseconds since `startedMs`, with at most three decimals. */
export function elapsedMs(clock: Clock, startedMs: number): number {
  return Math.round((clock.nowMs() - startedMs) * 1000) / 1000
}
