/** The shared memory of one listener. */
import { type ClientLimitSettings, limitsClients } from "../limits/client-limits.js"
import { ClientTable } from "../limits/client-table.js"
import { type SocketPlaces, socketPlaces } from "../limits/descriptors.js"
import type { Rows } from "../shared/rows.js"

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
}

/** @param listener its identity */
export function listenerRows(rows: Rows, listener: string, settings: ClientLimitSettings): ListenerRows {
  const clients = `${listener} clients`
  return {
    connections: rows.cells(`${listener} connections`, 1),
    pending: rows.cells(`${listener} pending`, 1),
    clients: limitsClients(settings)
      ? rows.memory(clients, () => ClientTable.createMemory())
      : rows.find(clients),
    sockets: socketPlaces(rows),
  }
}
