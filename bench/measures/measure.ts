/** What a measure gets, and what it finds. */
import type { Contender, Entry } from "../contenders/contender.js"
import type { Runtime } from "../contenders/runtime.js"

export interface Measure {
  /** For `--only`. */
  readonly name: string
  run(arena: Arena): Promise<Finding[]>
}

/** Who is measured, and for how long. */
export interface Arena {
  /** Running, and known to pass bytes correctly. */
  readonly contenders: readonly Contender[]
  /** The same, to be started afresh. */
  readonly entries: readonly Entry[]
  readonly backendPort: number
  /** The Node of the contenders. */
  readonly runtime: Runtime
  readonly plan: Plan
}

export interface Plan {
  readonly rounds: number
  /** How long each contender works in each round. */
  readonly roundMs: number
  /**
   * Rounds before those that are measured end when two agree, or after this time; but not before the work's
   * `warmUpUnits` are done.
   */
  readonly warmUpMs: number
  readonly memoryRounds: number
  /** Numbers of idle tunnels of which the memory is measured. */
  readonly idleTunnels: { readonly few: number; readonly many?: number }
}

/** A table: a line for each contender, a column for each series. */
export interface Finding {
  readonly name: string
  readonly title: string
  /** The first one is compared with rws. Less is better. */
  readonly series: readonly [Series, ...Series[]]
}

export interface Series {
  /** With its unit. */
  readonly name: string
  /** By the name of the contender, one number per round. Empty: it can't be measured. */
  readonly values: ReadonlyMap<string, readonly number[]>
}

/** Opens this many of something concurrently. */
export function times<T>(count: number, make: () => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, make))
}
