/** What can be measured by giving every contender the same work in turn. */
export interface Measure {
  /** For `--only`. */
  readonly name: string
  readonly title: string
  /** What is counted, in the singular. */
  readonly unit: string
  /** Name of the rate, with its unit. */
  readonly rate: string
  /** Unit in which the CPU time is printed. */
  readonly cpuUnit: CpuUnit
  /** The most that rws may use, as a multiple of what each other Node proxy uses. */
  readonly target?: number
  /** How long the code takes to be compiled and optimized, compared with the other measures. */
  readonly warmUp: number
  /** Prepares the work for one contender, which is not measured. */
  open(port: number): Promise<Load>
}

export interface CpuUnit {
  readonly name: string
  readonly micros: number
}

export const MICROSECONDS: CpuUnit = { name: "µs", micros: 1 }
export const MILLISECONDS: CpuUnit = { name: "ms", micros: 1000 }

export interface Load {
  /** Works for about this many milliseconds. Resolves to the number of completed units. */
  run(ms: number): Promise<number>
  close(): Promise<void>
}

/** Opens this many of something concurrently. */
export function times<T>(count: number, make: () => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, make))
}
