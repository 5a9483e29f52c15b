/** The shared memory of one pool: its backends' rows and its turns. */
import { createCells } from "../shared/cells.js"
import type { Rows } from "../shared/rows.js"
import { CELLS_PER_BACKEND } from "./backend-cells.js"
import { createProcessSecret } from "./sticky.js"

export interface PoolRows {
  /** The row of the backend of this name, laid out by `CELL`. */
  backend(name: string): Int32Array
  /** Where a worker thread counts the places that it holds itself, in the same layout. */
  held(name: string): Int32Array | undefined
  /** The cell that counts the turns of this tier. */
  turn(tier: "primaries" | "backups"): Int32Array
  /** Key of the sticky cookies of all pools without a secret of their own. */
  stickySecret(): Buffer
}

/** A pool that a program has made is the only owner of its rows, and a backend that is added begins anew. */
export const OWN_ROWS: PoolRows = {
  backend: () => createCells(CELLS_PER_BACKEND),
  held: () => undefined,
  turn: () => createCells(1),
  stickySecret: () => Buffer.from(createProcessSecret()),
}

/** The rows of the pool of this identity, which survive a reload and are shared with worker threads. */
export function poolRows(rows: Rows, pool: string): PoolRows {
  const identityOf = (backend: string) => `${pool} backend ${JSON.stringify(backend)}`
  return {
    backend: (name) => rows.cells(identityOf(name), CELLS_PER_BACKEND),
    held: (name) => rows.heldCells(identityOf(name)),
    turn: (tier) => rows.cells(`${pool} turn of ${tier}`, 1),
    stickySecret: () => Buffer.from(rows.memory("sticky secret", createProcessSecret)),
  }
}
