/** Rates per second from counters that only grow, and a window of the latest values for a chart. */

interface Reading {
  readonly value: number
  readonly atMs: number
}

/** NaN stands for "not known": before there is enough to compare with. */
export class Rate {
  #readings: Reading[] = []

  /** @param windowMs rates are those over at least so long. Default: since the previous reading */
  constructor(private readonly windowMs = 0) {}

  /** @returns per second; NaN at first, and after a restart of rws or a pause of the page */
  read(value: number, atMs: number): number {
    const last = this.#readings.at(-1)
    // A counter that went back belongs to a new process.
    if (last !== undefined && value < last.value) this.forget()
    const start = this.#readings.findLastIndex((reading) => isBefore(reading, atMs, this.windowMs))
    if (start > 0) this.#readings.splice(0, start)
    this.#readings.push({ value, atMs })
    const [first] = this.#readings
    if (start < 0 || first === undefined) return Number.NaN
    return (value - first.value) / ((atMs - first.atMs) / 1000)
  }

  forget(): void {
    this.#readings = []
  }
}

function isBefore(reading: Reading, atMs: number, windowMs: number): boolean {
  const ageMs = atMs - reading.atMs
  return ageMs > 0 && ageMs >= windowMs
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
