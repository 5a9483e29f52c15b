/**
 * Rows of shared memory by the identity of what they count: a pool's name, a listener's address and so on.
 * Counts survive a reload because the next configuration asks for the same identities, and worker threads
 * count together because each of them is given all rows.
 */

/** Shared memory by identity. */
export type Memories = ReadonlyMap<string, SharedArrayBuffer>

const NONE: Memories = new Map()

export class Rows {
  readonly #memories = new Map<string, SharedArrayBuffer>()
  /** Rows of the previous configuration. Those that nobody asks for are dropped. */
  #earlier: Memories = NONE
  #isAttached = false
  #held: Memories = NONE

  /**
   * The rows of another thread, from its `memories`. Only that thread creates rows, so asking for one that
   * is not there is a defect, and throws.
   * @param held rows of the same layouts in which this thread counts the places that it holds itself, so that
   * they can be given back if it dies
   */
  static attach(memories: Memories, held: Memories = NONE): Rows {
    const rows = new Rows()
    rows.#held = held
    for (const [identity, memory] of memories) rows.#memories.set(identity, memory)
    rows.#isAttached = true
    return rows
  }

  /** All rows that were asked for. May be posted to a worker thread, for `attach`. */
  get memories(): Memories {
    return this.#memories
  }

  /** The memory of this identity, if there is one. */
  find(identity: string): SharedArrayBuffer | undefined {
    const memory = this.#memories.get(identity) ?? this.#earlier.get(identity)
    if (memory !== undefined && !this.#isAttached) this.#memories.set(identity, memory)
    return memory
  }

  /** The memory of this identity: what `create` returns if there is none yet. */
  memory(identity: string, create: () => SharedArrayBuffer): SharedArrayBuffer {
    const found = this.find(identity)
    if (found !== undefined) return found
    if (this.#isAttached) throw new Error(`no shared memory for ${identity}`)
    const memory = create()
    this.#memories.set(identity, memory)
    return memory
  }

  /** The row of this identity: a new one with all cells 0 if there is none yet. */
  cells(identity: string, count: number): Int32Array {
    const bytes = count * Int32Array.BYTES_PER_ELEMENT
    const memory = this.memory(identity, () => new SharedArrayBuffer(bytes))
    if (memory.byteLength !== bytes) throw new Error(`the row of ${identity} does not have ${count} cells`)
    return new Int32Array(memory)
  }

  /** Where this thread counts its own places in the memory of this identity; undefined in the main thread. */
  held(identity: string): SharedArrayBuffer | undefined {
    return this.#held.get(identity)
  }

  /** The same, for a row of cells. */
  heldCells(identity: string): Int32Array | undefined {
    const memory = this.held(identity)
    return memory && new Int32Array(memory)
  }

  /**
   * The rows of the next configuration. It takes over the rows that it asks for; this registry stays as it
   * is, in case that configuration is given up.
   */
  next(): Rows {
    const rows = new Rows()
    rows.#earlier = this.#memories
    return rows
  }

  /** Forgets the rows of the previous configuration that were not asked for. */
  dropOthers(): void {
    this.#earlier = NONE
  }
}
