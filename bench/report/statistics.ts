/** Statistics over the rounds of one contender. */
export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

/** Undefined without values. */
export function spreadOf(values: readonly number[]): Spread | undefined {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = (sorted.length - 1) / 2
  const [low, high] = [sorted[Math.floor(middle)], sorted[Math.ceil(middle)]]
  const [min, max] = [sorted[0], sorted.at(-1)]
  if (low === undefined || high === undefined || min === undefined || max === undefined) return undefined
  return { median: (low + high) / 2, min, max }
}

/**
 * The median of `values` as a multiple of `others`, round by round: what slows the machine down for a while
 * slows both of a round. Undefined without values.
 */
export function ratioOf(values: readonly number[], others: readonly number[]): number | undefined {
  const rounds = values.slice(0, others.length)
  return spreadOf(rounds.map((value, round) => value / (others[round] ?? Number.NaN)))?.median
}
