/** The layout of a listener's row of counters. Each thread that serves the listener has its own row. */
import { CLOSE_REASONS, type CloseReason } from "../close-reason.js"
import { cellsOf, STAGE_BUCKETS, TUNNEL_BUCKETS } from "./buckets.js"

export const REASONS = Object.keys(CLOSE_REASONS) as readonly CloseReason[]

/** The durations that have a histogram. */
export const DURATIONS = ["head", "dial", "handshake", "tunnel"] as const

export type Duration = (typeof DURATIONS)[number]

export const BUCKETS: Readonly<Record<Duration, readonly number[]>> = {
  head: STAGE_BUCKETS,
  dial: STAGE_BUCKETS,
  handshake: STAGE_BUCKETS,
  tunnel: TUNNEL_BUCKETS,
}

const SCALARS = ["sessions", "tunnels", "bytesFromClient", "bytesFromBackend", "acceptFailures"] as const

type Scalar = (typeof SCALARS)[number]

/** Cells of single numbers. */
export const CELL = Object.fromEntries(SCALARS.map((name, cell) => [name, cell])) as Readonly<
  Record<Scalar, number>
>

/** Cells of the ends by their reason. */
export const REASON_CELL = Object.fromEntries(
  REASONS.map((reason, index) => [reason, SCALARS.length + index]),
) as Readonly<Record<CloseReason, number>>

let next = SCALARS.length + REASONS.length

/** The first cell of each histogram. */
export const HISTOGRAM_CELL = Object.fromEntries(
  DURATIONS.map((duration) => {
    const first = next
    next += cellsOf(BUCKETS[duration])
    return [duration, first]
  }),
) as Readonly<Record<Duration, number>>

const CELLS = next

/** Adds what one row has counted to another. */
export function addRow(sum: Float64Array, row: Float64Array): void {
  for (let cell = 0; cell < CELLS; cell++) sum[cell] = (sum[cell] ?? 0) + (row[cell] ?? 0)
}

/** A row of counters, all 0. */
export function createMeterRow(): SharedArrayBuffer {
  return new SharedArrayBuffer(CELLS * Float64Array.BYTES_PER_ELEMENT)
}
