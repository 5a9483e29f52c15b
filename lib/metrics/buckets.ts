/** Histograms in a row of numbers: the upper bounds of their buckets, and how a duration is counted. */

/** Upper bounds in seconds, for what takes the time of a request. */
export const STAGE_BUCKETS: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
]

/** The same for tunnels, from a second to a week. */
export const TUNNEL_BUCKETS: readonly number[] = [
  1, 5, 15, 60, 300, 900, 3600, 14_400, 43_200, 86_400, 259_200, 604_800,
]

/** Cells that a histogram takes: one for each bucket, one for what exceeds them all, and one for the sum. */
export function cellsOf(buckets: readonly number[]): number {
  return buckets.length + 2
}

/** Counts a duration. Each bucket has a count of its own, without those below it. */
export function observe(
  row: Float64Array,
  at: number,
  buckets: readonly number[],
  milliseconds: number,
): void {
  const seconds = milliseconds / 1000
  let bucket = 0
  while (bucket < buckets.length && seconds > (buckets[bucket] ?? 0)) bucket++
  add(row, at + bucket, 1)
  add(row, at + buckets.length + 1, seconds)
}

/** One writer per row, so nothing is lost. Readers in other threads see the number before or after it. */
export function add(row: Float64Array, cell: number, amount: number): void {
  row[cell] = (row[cell] ?? 0) + amount
}
