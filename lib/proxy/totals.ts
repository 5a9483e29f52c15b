/** The totals of the admin API, from what the threads count in shared memory. */
import type { Totals } from "../admin/api-types.js"
import { CLOSE_REASONS } from "../close-reason.js"
import { CELL, REASON_CELL, REASONS } from "../metrics/meter-cells.js"
import type { ListenerRows } from "./listener-rows.js"

type Limits = Pick<ListenerRows, "connections" | "pending">

/**
 * @param counted the sums since the start, laid out by `meter-cells.ts`
 * @param listeners all that have sessions
 */
export function totalsOf(counted: Float64Array, listeners: readonly Limits[]): Totals {
  const count = (cell: number) => counted[cell] ?? 0
  const refusals = REASONS.flatMap((reason): [string, number][] => {
    const number = count(REASON_CELL[reason])
    return CLOSE_REASONS[reason].status === undefined || number === 0 ? [] : [[reason, number]]
  })
  return {
    sessions: count(CELL.sessions),
    tunnels: count(CELL.tunnels),
    live: listeners.reduce((sum, limits) => sum + takenOf(limits), 0),
    liveTunnels: listeners.reduce((sum, limits) => sum + tunnelsOf(limits), 0),
    bytesFromClient: count(CELL.bytesFromClient),
    bytesFromBackend: count(CELL.bytesFromBackend),
    refusals: Object.fromEntries(refusals),
  }
}

/** Sessions at present, without refused clients, whose connections linger for a while. */
export function takenOf({ connections }: Pick<Limits, "connections">): number {
  return Atomics.load(connections, 0)
}

function tunnelsOf({ connections, pending }: Limits): number {
  // A session may end between the two reads.
  return Math.max(0, Atomics.load(connections, 0) - Atomics.load(pending, 0))
}
