/** One timer for all the tunnels of a listener that have a deadline, instead of one timer for each. */

export interface Swept {
  /** Looks at the clock (milliseconds, monotonic) and ends what has been silent for too long. */
  check(nowMs: number): void
}

const LONGEST_INTERVAL_MS = 1000
const SHORTEST_INTERVAL_MS = 10

export class Sweep {
  readonly #members = new Set<Swept>()
  readonly #timer: NodeJS.Timeout

  /** `timeoutsMs` are the deadlines that it is to serve, of which 0 means none: it looks four times within the shortest. */
  constructor(timeoutsMs: readonly number[]) {
    const shortest = Math.min(...timeoutsMs.filter((timeoutMs) => timeoutMs > 0), 4 * LONGEST_INTERVAL_MS)
    this.#timer = setInterval(() => this.#run(), Math.max(SHORTEST_INTERVAL_MS, shortest / 4)).unref()
  }

  add(member: Swept): void {
    this.#members.add(member)
  }

  delete(member: Swept): void {
    this.#members.delete(member)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #run(): void {
    const nowMs = performance.now()
    for (const member of this.#members) member.check(nowMs)
  }
}
