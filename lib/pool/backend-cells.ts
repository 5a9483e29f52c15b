/**
 * What each cell in a backend's row of shared memory holds. Times are milliseconds of the clock, truncated to
 * 32 bits.
 */
export const CELL = {
  /** Places that sessions hold. */
  active: 0,
  /** Why it gets no sessions; 0 = it is up. Bits of `health.ts`. */
  down: 1,
  /** Failed attempts since `windowStart`. */
  fails: 2,
  windowStart: 3,
  /** How often failed attempts have ejected it since the last one that succeeded. */
  ejections: 4,
  ejectedUntil: 5,
  /** 1 while one session tries whether it is back. */
  trial: 6,
  /** Consecutive health checks: passed ones count up from 0, failed ones count down. */
  streak: 7,
  /** Its current weight in the smooth weighted round robin. */
  currentWeight: 8,
  /** Counts ejections and returns, so that an attempt that began before one can be told. */
  changes: 9,
  /** 1 during its slow start. */
  isStarting: 10,
  /** When its slow start began. */
  startedAt: 11,
  /**
   * Counts dials by sessions, and those of them that failed, or whose handshake did, by the backend's fault.
   */
  dials: 12,
  failures: 13,
  /** Counts tunnels. */
  tunnels: 14,
  /** Tunnels that are open. */
  liveTunnels: 15,
} as const

/** Two 64-bit counters follow the cells: bytes of tunnels from clients, and from the backend. */
export const BYTES_OFFSET = 16 * Int32Array.BYTES_PER_ELEMENT

export const CELLS_PER_BACKEND = 20
