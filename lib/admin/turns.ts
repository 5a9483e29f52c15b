/**
 * Runs expensive tasks one after the other, with pauses in between: however many are asked for, they get no
 * more than a part of the time.
 */
import { type Clock, systemClock } from "../shared/clock.js"
import { AdminError } from "./route.js"

/** Part of the time in which tasks run. */
const SHARE = 1 / 5
/** Longer tasks have mostly waited themselves, for a blocked thread. */
const MAX_PAUSE_MS = 2000
/** Tasks that run or wait. */
const MAX_TASKS = 10

export class Turns {
  /** Resolves when the next task may begin. */
  #free: Promise<void> = Promise.resolve()
  #tasks = 0

  constructor(private readonly clock: Clock = systemClock) {}

  /** Rejects with an `AdminError` if there are too many already, else as the task does. */
  async run<Outcome>(task: () => Promise<Outcome>): Promise<Outcome> {
    if (this.#tasks >= MAX_TASKS) throw new AdminError(503, "too many listings at the same time")
    const { clock } = this
    const before = this.#free
    let end = () => {}
    this.#free = new Promise((resolve) => {
      end = resolve
    })
    this.#tasks++
    await before
    const startedMs = clock.nowMs()
    try {
      return await task()
    } finally {
      this.#tasks--
      const tookMs = clock.nowMs() - startedMs
      clock.after(Math.min(tookMs * (1 / SHARE - 1), MAX_PAUSE_MS), end).unref()
    }
  }
}
