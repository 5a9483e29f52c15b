/** Histograms stored in a row of numbers: the upper bounds of their buckets, and counting a duration. */

/** Upper bounds in seconds, for the stages of a handshake. */
export const STAGE_BUCKETS: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
]

/** The same for tunnels, from a second to a week. */
export const TUNNEL_BUCKETS: readonly number[] = [
  1, 5, 15, 60, 300, 900, 3600, 14_400, 43_200, 86_400, 259_200, 604_800,
]

/** Cells of a histogram: one for each bucket, one for durations above them all, and one for the sum. */
export function cellsOf(buckets: readonly number[]): number {
  return buckets.length + 2
}

/** Counts a duration in one bucket; unlike in Prometheus, buckets are not cumulative. */
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

/** Needs no atomics: each row has one writer, and readers in other threads see the old or the new number. */
export function add(row: Float64Array, cell: number, amount: number): void {
  row[cell] = (row[cell] ?? 0) + amount
}
