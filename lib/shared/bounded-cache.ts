/** A map that keeps what is used, for a time, and forgets the rest. */

interface Entry<Value> {
  value: Value
  untilMs: number
  /** Since it was last passed over. */
  isUsed: boolean
}

/** So that no eviction walks through a large map of which everything is in use. */
const MAX_PASSED_OVER = 16

/**
 * Evicts by second chance: the oldest entry goes, unless it was read since it last came up. That is nearly
 * least-recently-used, and reading costs no change of the map.
 */
export class BoundedCache<Value> {
  readonly #entries = new Map<string, Entry<Value>>()

  constructor(private readonly max: number) {}

  get size(): number {
    return this.#entries.size
  }

  /** The value of this key. An entry whose time is over is forgotten. */
  get(key: string, nowMs = -Infinity): Value | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    if (nowMs >= entry.untilMs) {
      this.#entries.delete(key)
      return undefined
    }
    entry.isUsed = true
    return entry.value
  }

  /** @param untilMs from when on it is forgotten. Default: never */
  set(key: string, value: Value, untilMs = Infinity): void {
    const entry = this.#entries.get(key)
    if (entry !== undefined) {
      entry.value = value
      entry.untilMs = untilMs
      return
    }
    if (this.#entries.size >= this.max) this.#evict()
    this.#entries.set(key, { value, untilMs, isUsed: false })
  }

  delete(key: string): void {
    this.#entries.delete(key)
  }

  clear(): void {
    this.#entries.clear()
  }

  #evict(): void {
    let passedOver = 0
    // A map is read in the order of insertion, and what is inserted meanwhile comes last.
    for (const [key, entry] of this.#entries) {
      this.#entries.delete(key)
      if (!entry.isUsed || passedOver++ === MAX_PASSED_OVER) return
      entry.isUsed = false
      this.#entries.set(key, entry)
    }
  }
}
