/** The source of the metrics, implemented by `lib/proxy`. Every call returns the current state. */
import type { Backend } from "../pool/backend.js"
import type { ProcessCounts } from "./process-counts.js"

/** Places of a limit. */
export interface LimitReading {
  readonly taken: number
  /** 0 = unlimited. */
  readonly max: number
}

export interface ListenerReading {
  readonly name: string
  /** The row of each thread that serves the listener, laid out by `meter-cells.ts`. */
  readonly meters: readonly Float64Array[]
  readonly connections: LimitReading
  readonly pending: LimitReading
}

export interface PoolReading {
  /** Unique among the pools. */
  readonly name: string
  readonly backends: readonly Backend[]
}

export interface LoopReading {
  /** "main", or the number of a worker thread. */
  readonly worker: string
  /** See `LoopDelay`. */
  readonly row: Float64Array
}

export interface MetricsSource {
  readonly version: string
  readonly counts: ProcessCounts
  /** All listeners listen, and none is about to stop. */
  isReady(): boolean
  listeners(): readonly ListenerReading[]
  pools(): readonly PoolReading[]
  loops(): readonly LoopReading[]
  /** The limits that follow from the limit of open files, over all listeners. */
  sockets(): { readonly sessions: LimitReading; readonly lingering: LimitReading }
}
