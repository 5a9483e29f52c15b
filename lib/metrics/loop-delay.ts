/** How late the event loop of this thread runs its timers: the delay of every tunnel in the thread. */
import { type IntervalHistogram, monitorEventLoopDelay } from "node:perf_hooks"
import { type Clock, systemClock, type Timer } from "../shared/clock.js"

/** Cells of a thread's row, in seconds. */
export const DELAY_CELL = { mean: 0, p99: 1, max: 2 } as const

/** A thread's row, all 0. */
export function createDelayRow(): SharedArrayBuffer {
  return new SharedArrayBuffer(Object.keys(DELAY_CELL).length * Float64Array.BYTES_PER_ELEMENT)
}

/** Node measures the time between two timers of this length, so an idle loop seems to be late by it. */
const RESOLUTION_MS = 20
const PUBLISH_MS = 2000
/** The row holds the worst of the last 30 to 60 seconds, longer than scrapes are apart. */
const PUBLISHES_PER_WINDOW = 15

type Delays = Readonly<Record<keyof typeof DELAY_CELL, number>>

const NONE: Delays = { mean: 0, p99: 0, max: 0 }

export class LoopDelay {
  readonly #histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  /** Those of the previous window. */
  #before: Delays = NONE
  #publishes = 0
  #timer: Timer

  /** Begins to measure. */
  constructor(
    private readonly row: Float64Array,
    private readonly clock: Clock = systemClock,
  ) {
    this.#histogram.enable()
    this.#timer = this.#later()
  }

  stop(): void {
    this.#timer.cancel()
    this.#histogram.disable()
  }

  #later(): Timer {
    return this.clock.after(PUBLISH_MS, () => this.#publish()).unref()
  }

  #publish(): void {
    this.#timer = this.#later()
    const delays = delaysOf(this.#histogram)
    for (const [name, cell] of Object.entries(DELAY_CELL) as [keyof Delays, number][]) {
      this.row[cell] = Math.max(delays[name], this.#before[name])
    }
    this.#publishes++
    if (this.#publishes % PUBLISHES_PER_WINDOW !== 0) return
    this.#before = delays
    this.#histogram.reset()
  }
}

/** In seconds. */
function delaysOf(histogram: IntervalHistogram): Delays {
  if (histogram.count === 0) return NONE
  const toSeconds = (nanoseconds: number) => Math.max(0, nanoseconds / 1e9 - RESOLUTION_MS / 1000)
  return {
    mean: toSeconds(histogram.mean),
    p99: toSeconds(histogram.percentile(99)),
    max: toSeconds(histogram.max),
  }
}
