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
 */
export function acquire(cells: Int32Array, cell: number, max: number): boolean {
  for (let taken = Atomics.load(cells, cell); max === 0 || taken < max; ) {
    const found = Atomics.compareExchange(cells, cell, taken, taken + 1)
    if (found === taken) return true
    taken = found
  }
  return false
}

export function release(cells: Int32Array, cell: number): void {
  Atomics.sub(cells, cell, 1)
}
