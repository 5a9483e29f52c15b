/** One timer for all tunnels of a listener that have a deadline, instead of one timer for each. */
import { type Clock, systemClock, type Timer } from "../shared/clock.js"
import { LinkedSet } from "../shared/linked-set.js"

export interface Swept {
  /** Checks the deadlines against the clock (milliseconds, monotonic). */
  check(nowMs: number): void
}

const LONGEST_INTERVAL_MS = 1000
const SHORTEST_INTERVAL_MS = 10

export class Sweep {
  readonly #members = new LinkedSet<Swept>()
  #intervalMs: number
  /** What the latest settings need. */
  #wantedMs: number
  #timer: Timer

  /** @param timeoutsMs the deadlines to serve; 0 = none. It checks four times within the shortest. */
  constructor(
    timeoutsMs: readonly number[],
    private readonly clock: Clock = systemClock,
  ) {
    this.#wantedMs = intervalFor(timeoutsMs)
    this.#intervalMs = this.#wantedMs
    this.#timer = this.#next()
  }

  /**
   * Serves these deadlines from now on. Members with earlier, shorter ones are served as before until there
   * is no member left.
   */
  serve(timeoutsMs: readonly number[]): void {
    this.#wantedMs = intervalFor(timeoutsMs)
    if (this.#wantedMs >= this.#intervalMs) return
    this.#intervalMs = this.#wantedMs
    this.#timer.cancel()
    this.#timer = this.#next()
  }

  add(member: Swept): void {
    this.#members.add(member)
  }

  delete(member: Swept): void {
    this.#members.delete(member)
  }

  stop(): void {
    this.#timer.cancel()
  }

  #next(): Timer {
    return this.clock.after(this.#intervalMs, () => this.#run()).unref()
  }

  #run(): void {
    if (this.#members.size === 0) this.#intervalMs = this.#wantedMs
    this.#timer = this.#next()
    const nowMs = this.clock.nowMs()
    for (const member of this.#members) member.check(nowMs)
  }
}

function intervalFor(timeoutsMs: readonly number[]): number {
  const shortest = Math.min(...timeoutsMs.filter((timeoutMs) => timeoutMs > 0), 4 * LONGEST_INTERVAL_MS)
  return Math.max(SHORTEST_INTERVAL_MS, shortest / 4)
}
