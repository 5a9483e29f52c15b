/** Remembers decisions for a while. */

/**
 * A map whose entries end at their time. When it is full, the oldest entry makes room, even if it is in use:
 * that costs one more decision, but reading stays a mere lookup.
 */
export class TimedCache<Value> {
  readonly #entries = new Map<string, { readonly value: Value; readonly untilMs: number }>()

  constructor(private readonly maxEntries: number) {}

  get size(): number {
    return this.#entries.size
  }

  /** The value that is valid at this time; undefined if there is none. */
  get(key: string, nowMs: number): Value | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    if (nowMs < entry.untilMs) return entry.value
    this.#entries.delete(key)
    return undefined
  }

  set(key: string, value: Value, untilMs: number): void {
    // An entry that is replaced is the youngest again.
    this.#entries.delete(key)
    if (this.#entries.size >= this.maxEntries) {
      const [oldest] = this.#entries.keys()
      if (oldest !== undefined) this.#entries.delete(oldest)
    }
    this.#entries.set(key, { value, untilMs })
  }

  clear(): void {
    this.#entries.clear()
  }
}
