/** Time: what the rest of lib asks for the time and waits with. It is passed in, so that tests advance it. */

import { toTimerMs } from "./timer.js"

export interface Clock {
  /** Milliseconds of a monotonic clock. */
  nowMs(): number
  /** Calls back once, after at least `ms` milliseconds, 24 days at most. The timer keeps the process alive. */
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

/** The machine's clock. Its origin is the same in all worker threads. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  after: (ms, callback) => new SystemTimer(ms, callback),
}
