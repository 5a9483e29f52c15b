/** A map that keeps what is used and forgets the rest. */

interface Entry<Value> {
  value: Value
  /** Since it was last passed over. */
  isUsed: boolean
}

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

  get(key: string): Value | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    entry.isUsed = true
    return entry.value
  }

  set(key: string, value: Value): void {
    const entry = this.#entries.get(key)
    if (entry !== undefined) {
      entry.value = value
      return
    }
    if (this.#entries.size >= this.max) this.#evict()
    this.#entries.set(key, { value, isUsed: false })
  }

  delete(key: string): void {
    this.#entries.delete(key)
  }

  #evict(): void {
    // A map is read in the order of insertion, and what is inserted meanwhile comes last.
    for (const [key, entry] of this.#entries) {
      this.#entries.delete(key)
      if (!entry.isUsed) return
      entry.isUsed = false
      this.#entries.set(key, entry)
    }
  }
}
