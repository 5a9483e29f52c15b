/** The shared memory of one listener. */
import { type ClientLimitSettings, limitsClients } from "../limits/client-limits.js"
import { ClientTable } from "../limits/client-table.js"
import { type SocketPlaces, socketPlaces } from "../limits/descriptors.js"
import { createMeterRow } from "../metrics/meter-cells.js"
import { LogDetail } from "../ops/log-detail.js"
import type { Memories, Rows } from "../shared/rows.js"
import { type CountingThreads, threadRows } from "./thread-rows.js"

export interface ListenerRows {
  /** One cell: the places that `max_connections` limits. */
  readonly connections: Int32Array
  /** One cell: the places that `max_pending` limits. */
  readonly pending: Int32Array
  /**
   * The memory of a `ClientTable`; undefined until clients are limited for the first time. From then on they
   * are always counted, so that a limit which comes back is exact.
   */
  readonly clients: SharedArrayBuffer | undefined
  readonly sockets: SocketPlaces
  /** What each thread that serves has counted; in such a thread only its own. Empty without metrics. */
  readonly meters: readonly Float64Array[]
  /** The same for all listeners. */
  readonly detail: LogDetail
  /** Where a worker thread counts the places that it holds itself, in the same layouts. */
  readonly held: {
    readonly connections: Int32Array | undefined
    readonly pending: Int32Array | undefined
    readonly clients: SharedArrayBuffer | undefined
  }
}

/** @param listener its identity */
export function listenerRows(
  rows: Rows,
  listener: string,
  settings: ClientLimitSettings,
  threads: CountingThreads,
): ListenerRows {
  const connections = `${listener} connections`
  const pending = `${listener} pending`
  const clients = tableIdentity(listener)
  return {
    connections: rows.cells(connections, 1),
    pending: rows.cells(pending, 1),
    clients: limitsClients(settings)
      ? rows.memory(clients, () => ClientTable.createMemory())
      : rows.find(clients),
    sockets: socketPlaces(rows),
    meters: threadRows(rows, `${listener} meter`, threads, createMeterRow),
    detail: logDetail(rows),
    held: {
      connections: rows.heldCells(connections),
      pending: rows.heldCells(pending),
      clients: rows.held(clients),
    },
  }
}

/** What the log of this proxy shows of sessions. */
export function logDetail(rows: Rows): LogDetail {
  return new LogDetail(rows.cells("log detail", 1))
}

const CLIENTS = " clients"

/** The identity of the table in which a listener counts its clients, or a registry its endpoints. */
export function tableIdentity(owner: string): string {
  return `${owner}${CLIENTS}`
}

/** Unlocks the tables that a thread had locked when it died. */
export function unlockTables(memories: Memories, thread: number): void {
  for (const [identity, memory] of memories) {
    if (identity.endsWith(CLIENTS)) new ClientTable(memory).unlockFor(thread)
  }
}
