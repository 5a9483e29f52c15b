/** What a process has used so far. Differences of two of these are what the benchmark reports. */
export interface Usage {
  /** Time on a CPU, user and system together, of all its threads. */
  readonly cpuMicros: number
  /** Resident memory. */
  readonly rssBytes: number
}
