/**
 * Counters that worker threads can share: rows of 32-bit cells in shared memory, touched through `Atomics`
 * only. Whoever counts is given its row, or creates one. A row posted to a worker thread is the same memory
 * there, and it is freed when no thread refers to it any more.
 */

/** A row of `count` cells, all 0. */
export function createCells(count: number): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer(count * Int32Array.BYTES_PER_ELEMENT))
}

/**
 * Takes one place, unless `max` are taken; 0 = unlimited. The caller gives it back with `release`, exactly
 * once and only if this returned true.
 *
 * V8 interrupts a thread only where a function begins or a loop repeats. Nothing of the kind lies between a
 * count and its copy in `held`, here and in `release`, so the two agree whenever a thread dies.
 * @param held a row of the same layout, in which a worker thread counts its own places
 */
export function acquire(cells: Int32Array, cell: number, max: number, held?: Int32Array): boolean {
  for (let taken = Atomics.load(cells, cell); max === 0 || taken < max; ) {
    const found = Atomics.compareExchange(cells, cell, taken, taken + 1)
    if (found === taken) {
      if (held !== undefined) Atomics.add(held, cell, 1)
      return true
    }
    taken = found
  }
  return false
}

export function release(cells: Int32Array, cell: number, held?: Int32Array): void {
  if (held !== undefined) Atomics.sub(held, cell, 1)
  Atomics.sub(cells, cell, 1)
}
