/** Delays of Node timers, which fire after 1 ms when asked for more than 2³¹−1 ms. */

/** The longest delay of a Node timer, about 24 days. */
export const MAX_TIMER_MS = 2 ** 31 - 1

/**
 * The delay for a duration that a program has given. Longer ones than a timer can wait are cut to 24 days.
 * @param ms milliseconds, 0 or more; Infinity is allowed
 * @throws {RangeError} when it is negative or no number
 */
export function toTimerMs(ms: number): number {
  if (!(ms >= 0)) throw new RangeError(`expected 0 or more milliseconds, got ${ms}`)
  return Math.min(ms, MAX_TIMER_MS)
}
