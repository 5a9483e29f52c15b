/** Rates per second from counters that only grow, and a window of the latest values for a chart. */

/** NaN stands for "not known": before the second reading, after a restart of rws or a pause of the page. */
export class Rate {
  #value = Number.NaN
  #atMs = Number.NaN

  /** @returns per second since the previous reading */
  read(value: number, atMs: number): number {
    const grown = value - this.#value
    const seconds = (atMs - this.#atMs) / 1000
    this.#value = value
    this.#atMs = atMs
    // A counter that went back belongs to a new process.
    return grown >= 0 && seconds > 0 ? grown / seconds : Number.NaN
  }

  forget(): void {
    this.#value = Number.NaN
  }
}

/** Keeps the latest values. */
export class History {
  readonly values: number[] = []

  constructor(readonly length: number) {}

  push(value: number): void {
    this.values.push(value)
    if (this.values.length > this.length) this.values.shift()
  }
}
