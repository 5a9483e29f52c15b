/** How many sessions the process's limit of open files has room for. */
import { readdirSync, readFileSync } from "node:fs"
import { createCells } from "../shared/cells.js"
import type { Rows } from "../shared/rows.js"
import { Places } from "./places.js"

/** Shared by all listeners of the process. */
export interface SocketPlaces {
  readonly sessions: Places
  /** Refused clients whose connections are read until they close. */
  readonly lingering: Places
  /**
   * Says why there are no more sessions, for the log. A function, because an error costs as much as parsing a
   * head, and its stack trace keeps whatever was in scope.
   */
  toError(): Error
}

/** More would only tie up descriptors: each refused client may linger for 2 s. */
const MAX_LINGERING = 1000
/**
 * Reserved for resolving names, health checks and whatever else the program opens: a share of the limit, but
 * at least 32.
 */
const MIN_RESERVE = 32
const RESERVED_PART = 1 / 16
const LINGERING_PART = 1 / 8
/** The client's socket and the backend's. */
const DESCRIPTORS_PER_SESSION = 2

/**
 * Divides a limit of open files. Both numbers are at least 1.
 * @param limit Infinity = unlimited
 * @param open descriptors that are already open
 */
export function shareDescriptors(limit: number, open: number): { sessions: number; lingering: number } {
  if (limit === Number.POSITIVE_INFINITY) return { sessions: limit, lingering: MAX_LINGERING }
  const free = limit - open - Math.max(MIN_RESERVE, limit * RESERVED_PART)
  const lingering = Math.min(MAX_LINGERING, Math.floor(free * LINGERING_PART))
  const sessions = Math.floor((free - lingering) / DESCRIPTORS_PER_SESSION)
  return { sessions: Math.max(1, sessions), lingering: Math.max(1, lingering) }
}

/**
 * The smallest limit of open files that has room for this many sessions.
 * @param open descriptors that are already open
 */
export function limitFor(sessions: number, open: number): number {
  let [tooLow, enough] = [0, 1]
  while (shareDescriptors(enough, open).sessions < sessions) [tooLow, enough] = [enough, enough * 2]
  while (enough - tooLow > 1) {
    const middle = Math.floor((tooLow + enough) / 2)
    if (shareDescriptors(middle, open).sessions < sessions) tooLow = middle
    else enough = middle
  }
  return enough
}

/** What is too low about the limit of open files, and what would be enough. */
export interface DescriptorShortage {
  readonly openFiles: number
  /** How many sessions have room. */
  readonly sessions: number
  /** How many are allowed by all `max_connections` together. */
  readonly maxConnections: number
  /** The limit that has room for them. */
  readonly needed: number
}

/**
 * Compares the limit of open files of this process with the listeners' `max_connections`; undefined if they
 * fit. Listeners without a limit are not counted.
 */
export function findShortage(
  limits: readonly { readonly max_connections: number }[],
  { limit, open }: { limit: number; open: number } = readDescriptors(),
): DescriptorShortage | undefined {
  const maxConnections = limits.reduce((sum, { max_connections }) => sum + max_connections, 0)
  const { sessions } = shareDescriptors(limit, open)
  if (maxConnections <= sessions) return undefined
  return { openFiles: limit, sessions, maxConnections, needed: limitFor(maxConnections, open) }
}

/** In words, for `rws check` and the log. */
export function describeShortage(shortage: DescriptorShortage): string {
  const { openFiles, sessions, maxConnections, needed } = shortage
  return (
    `max_connections allows ${maxConnections} sessions, but the limit of ${openFiles} open files has room for ` +
    `${sessions}: raise it to at least ${needed} (ulimit -n, or LimitNOFILE in the systemd unit)`
  )
}

/** The soft limit of open files in the text of Linux's /proc/PID/limits; Infinity if unlimited. */
export function parseOpenFileLimit(limits: string): number {
  const [, soft] = /^Max open files +(\d+|unlimited) /m.exec(limits) ?? []
  return soft === undefined || soft === "unlimited" ? Number.POSITIVE_INFINITY : Number(soft)
}

/** What each cell of the process's row holds. A maximum or limit of 0 = unlimited. */
const CELL = { sessions: 0, maxSessions: 1, lingering: 2, maxLingering: 3, limit: 4 } as const
const CELLS = 5
/**
 * The identity of that row. Its first cell counts the sessions of all listeners, also of those that drain.
 */
export const SOCKETS = "sockets"

/**
 * The places of this process. Its limit is read once, and only on Linux; elsewhere there is none. The row is
 * a module global because all proxies of the process share one limit of descriptors.
 * @param rows where worker threads find the main thread's row
 */
export function socketPlaces(rows: Rows): SocketPlaces {
  const cells = new Int32Array(rows.memory(SOCKETS, processRow))
  const held = rows.heldCells(SOCKETS)
  const sessions = cells[CELL.maxSessions] ?? 0
  return {
    sessions: new Places(sessions, cells.subarray(CELL.sessions), held?.subarray(CELL.sessions)),
    lingering: new Places(
      cells[CELL.maxLingering] ?? 0,
      cells.subarray(CELL.lingering),
      held?.subarray(CELL.lingering),
    ),
    toError: () =>
      new Error(`the limit of ${cells[CELL.limit]} open files leaves room for ${sessions} sessions`),
  }
}

let ownRow: SharedArrayBuffer | undefined

function processRow(): SharedArrayBuffer {
  if (ownRow !== undefined) return ownRow
  const { limit, open } = readDescriptors()
  const { sessions, lingering } = shareDescriptors(limit, open)
  const cells = createCells(CELLS)
  cells[CELL.maxSessions] = toCell(sessions)
  cells[CELL.maxLingering] = lingering
  cells[CELL.limit] = toCell(limit)
  ownRow = cells.buffer
  return ownRow
}

/** More than a cell can count is no limit. */
function toCell(count: number): number {
  return count > MAX_CELL ? 0 : count
}

const MAX_CELL = 2 ** 31 - 1

function readDescriptors(): { limit: number; open: number } {
  try {
    const limit = parseOpenFileLimit(readFileSync("/proc/self/limits", "latin1"))
    return { limit, open: readdirSync("/proc/self/fd").length }
  } catch {
    // Not Linux, or /proc is not mounted.
    return { limit: Number.POSITIVE_INFINITY, open: 0 }
  }
}
