/** A clock that stands still until a test advances it. */
import type { Clock, Timer } from "../../../lib/shared/clock.js"

class FakeTimer implements Timer {
  constructor(
    readonly dueMs: number,
    readonly callback: () => void,
    private readonly timers: Set<FakeTimer>,
  ) {
    timers.add(this)
  }

  cancel(): void {
    this.timers.delete(this)
  }

  unref(): this {
    return this
  }
}

export class FakeClock implements Clock {
  /** The delay of each timer that has been started, in order. */
  readonly delaysMs: number[] = []
  readonly #timers = new Set<FakeTimer>()
  #nowMs: number

  constructor(nowMs = 0) {
    this.#nowMs = nowMs
  }

  /** How many timers are pending. */
  get pending(): number {
    return this.#timers.size
  }

  nowMs(): number {
    return this.#nowMs
  }

  after(ms: number, callback: () => void): Timer {
    this.delaysMs.push(ms)
    return new FakeTimer(this.#nowMs + ms, callback, this.#timers)
  }

  /** Advances the time and runs the timers that become due, in order and each at its own time. */
  advance(ms: number): void {
    const untilMs = this.#nowMs + ms
    for (let timer = this.#next(untilMs); timer !== undefined; timer = this.#next(untilMs)) {
      this.#nowMs = timer.dueMs
      timer.cancel()
      timer.callback()
    }
    this.#nowMs = untilMs
  }

  #next(untilMs: number): FakeTimer | undefined {
    let next: FakeTimer | undefined
    for (const timer of this.#timers) {
      if (timer.dueMs <= untilMs && (next === undefined || timer.dueMs < next.dueMs)) next = timer
    }
    return next
  }
}
