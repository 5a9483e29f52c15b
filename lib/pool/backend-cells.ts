/** What each cell in a backend's row of shared memory holds. Times are milliseconds of a monotonic clock, cut to 32 bits. */
export const CELL = {
  /** Sessions that have reserved the backend. */
  active: 0,
  /** Why it gets no sessions; 0 = it gets some. Bits of `health.ts`. */
  down: 1,
  /** Failed dials since `windowStart`. */
  fails: 2,
  windowStart: 3,
  /** How often failed dials have taken it out since the last one that succeeded. */
  timesOut: 4,
  outUntil: 5,
  /** 1 while one session tries whether it is back. */
  trial: 6,
  /** Health checks in a row: passed ones count up from 0, failed ones count down. */
  streak: 7,
  /** Where it stands in the smooth weighted round robin. */
  currentWeight: 8,
} as const

export const CELLS_PER_BACKEND = 9
