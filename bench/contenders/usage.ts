/** Resource usage of a process so far. The benchmark reports differences. */
export interface Usage {
  /** Time on a CPU, user and system together, of all its threads. */
  readonly cpuMicros: number
  /** Resident memory. */
  readonly rssBytes: number
  /** Memory in use in V8's heap; undefined in programs that are not Node's. */
  readonly heapBytes?: number
}
