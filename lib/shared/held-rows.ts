/**
 * What one worker thread holds of the shared counts. The thread counts its own places in rows of the same
 * layout, and when it has died the main thread subtracts them.
 */
import type { Memories } from "./rows.js"

export class HeldRows {
  /** By the shared memory, since another configuration may have other memory under the same identity. */
  readonly #held = new Map<SharedArrayBuffer, SharedArrayBuffer>()

  /** The rows that belong to these memories, for `Rows.attach`. Those that are missing are created. */
  for(memories: Memories): Memories {
    return new Map([...memories].map(([identity, memory]) => [identity, this.#heldOf(memory)]))
  }

  /** Forgets the rows that belong to other memories than these: nobody reads their counts any more. */
  keepOnly(memories: Memories): void {
    const kept = new Set(memories.values())
    for (const memory of this.#held.keys()) if (!kept.has(memory)) this.#held.delete(memory)
  }

  /** How much the thread holds in the first cell of this memory. */
  count(memory: SharedArrayBuffer): number {
    const held = this.#held.get(memory)
    return held === undefined ? 0 : Atomics.load(new Int32Array(held), 0)
  }

  /** Gives back everything that the thread holds. Only after its death. */
  giveBack(): void {
    for (const [memory, held] of this.#held) {
      const shared = new Int32Array(memory)
      const counts = new Int32Array(held)
      for (let cell = 0; cell < counts.length; cell++) {
        const count = counts[cell] ?? 0
        if (count !== 0) Atomics.sub(shared, cell, count)
      }
    }
    this.#held.clear()
  }

  #heldOf(memory: SharedArrayBuffer): SharedArrayBuffer {
    const known = this.#held.get(memory)
    if (known !== undefined) return known
    const held = new SharedArrayBuffer(memory.byteLength)
    this.#held.set(memory, held)
    return held
  }
}
