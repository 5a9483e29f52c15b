/**
 * Where the counters, active counts and health of backends live: rows of integers in the one `SharedArrayBuffer` of the process, so
 * that worker threads can share them. They are touched through `Atomics` only.
 */

/** 1 MiB of cells. The system gives memory only to those that have been touched. */
const MAX_CELLS = 2 ** 18

const memory = new SharedArrayBuffer(MAX_CELLS * Int32Array.BYTES_PER_ELEMENT)
/** Where rows that have been given back begin, by their number of cells. */
const returned = new Map<number, number[]>()
/** All cells from here on have never been handed out. */
let untouched = 0

/** Gives back the rows of pools that were dropped without a word. */
const dropped = new FinalizationRegistry<{ start: number; count: number }>(({ start, count }) =>
  giveBack(start, count),
)

/** A row of `count` cells that nothing else uses, all 0. Throws a `RangeError` when there is no room. */
export function allocate(count: number): Int32Array {
  const start = returned.get(count)?.pop() ?? takeUntouched(count)
  const row = new Int32Array(memory, start * Int32Array.BYTES_PER_ELEMENT, count)
  dropped.register(row, { start, count }, row)
  return row
}

/** Gives a row back, which must not be touched afterwards. Does nothing with one that did not come from `allocate`. */
export function free(row: Int32Array): void {
  if (dropped.unregister(row)) giveBack(row.byteOffset / Int32Array.BYTES_PER_ELEMENT, row.length)
}

function takeUntouched(count: number): number {
  if (untouched + count > MAX_CELLS) {
    throw new RangeError(
      `there are too many backends: the shared memory has ${MAX_CELLS} cells, ${MAX_CELLS - untouched} are left and ${count} are needed`,
    )
  }
  untouched += count
  return untouched - count
}

function giveBack(start: number, count: number): void {
  const row = new Int32Array(memory, start * Int32Array.BYTES_PER_ELEMENT, count)
  for (let cell = 0; cell < count; cell++) Atomics.store(row, cell, 0)
  const starts = returned.get(count)
  if (starts === undefined) returned.set(count, [start])
  else starts.push(start)
}
