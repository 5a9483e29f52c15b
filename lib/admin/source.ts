/** What the admin API shows and changes. `lib/proxy` implements it; the fields are those of the JSON. */
import type { Stage } from "../close-reason.js"
import type { LogLevel } from "../config/schema.js"
import type { Balance } from "../pool/pool-settings.js"

export interface AdminSource {
  status(): ProxyStatus
  /** Also those that a reload has removed and that still drain. */
  listeners(): ListenerStatus[]
  pools(): PoolStatus[]
  /** Of all threads. */
  sessions(query: SessionQuery): Promise<SessionPage>
  /**
   * Resolves to whether there was one of this id.
   * @throws {AdminError} 503 if its worker thread does not reply
   */
  closeSession(id: string): Promise<boolean>
  /**
   * Closes the tunnels of a backend over `drain_spread_ms`.
   * @throws {AdminError} 404
   */
  closeTunnels(pool: string, backend: string): Promise<ClosedTunnels>
  /**
   * Holds until the next reload. Resolves to what has changed, in words.
   * @throws {AdminError} 404, or 409 if it can't be done
   */
  changeBackend(pool: string, change: BackendChange): Promise<string[]>
  /** Reads the configuration again. Rejects as `RunningProxy.reload` does. Resolves to what has changed. */
  reload(): Promise<string[]>
  /** Holds until the next reload. */
  setLogLevel(level: LogLevel): Promise<void>
}

export interface ProxyStatus {
  readonly version: string
  readonly nodeVersion: string
  /** ISO 8601. */
  readonly startedAt: string
  readonly uptimeS: number
  /** 1 = the main thread serves. */
  readonly workers: number
  readonly draining: boolean
  readonly reloads: number
  readonly logLevel: LogLevel
  readonly totals: Totals
}

/** Since the start, over all threads and also over listeners that have been removed. They never go back. */
export interface Totals {
  readonly sessions: number
  readonly tunnels: number
  /** Sessions at present. */
  readonly live: number
  readonly liveTunnels: number
  /** Of tunnels, those that are open included. They are about 2 seconds old. */
  readonly bytesFromClient: number
  readonly bytesFromBackend: number
  /** By reason. */
  readonly refusals: Readonly<Record<string, number>>
}

export interface ListenerStatus {
  readonly name: string
  readonly address: string
  /** Sessions at present. */
  readonly sessions: number
  /** 0 = unlimited. */
  readonly maxConnections: number
  /** Sessions that are not tunnels yet. */
  readonly pending: number
  /** 0 = unlimited. */
  readonly maxPending: number
  readonly draining: boolean
  /** Its own pool, for requests that no route matches. */
  readonly pool?: string | undefined
  readonly routes: readonly RouteStatus[]
}

export interface RouteStatus {
  /** From 1, in the order of the configuration. */
  readonly route: number
  readonly host: readonly string[]
  readonly path?: string | undefined
  /** Names of fields and parameters. Their values may be secret. */
  readonly header: readonly string[]
  readonly query: readonly string[]
  readonly pool: string
}

export interface PoolStatus {
  readonly name: string
  readonly balance: Balance
  readonly backends: readonly BackendStatus[]
}

/** "down": by health checks. "ejected": by failed attempts. "draining": it gets no new sessions. */
export type BackendState = "up" | "ejected" | "down" | "draining"

export interface BackendStatus {
  readonly name: string
  readonly state: BackendState
  /** Why it is in this state, if that is known. */
  readonly reason?: string | undefined
  /** When it last went down or came up, in ISO 8601; absent if it never has. */
  readonly since?: string | undefined
  readonly weight: number
  readonly backup: boolean
  /** Sessions that hold a place there. */
  readonly active: number
  /** 0 = unlimited. */
  readonly maxConnections: number
  /** Since it was added. */
  readonly dials: number
  /** Attempts that failed by its own fault, at the dial or in the handshake. */
  readonly failures: number
  /** Its part of the pool's sessions at present, from 0 to 1. */
  readonly share: number
}

export const SORTS = [
  "ageMs",
  "bytesFromClient",
  "bytesFromBackend",
  "rateFromClient",
  "rateFromBackend",
  "listener",
  "client",
  "backend",
  "pool",
  "route",
  "stage",
  "path",
] as const

export type SessionSort = (typeof SORTS)[number]

/** Absent filters match everything. */
export interface SessionQuery {
  readonly listener?: string | undefined
  readonly pool?: string | undefined
  readonly backend?: string | undefined
  /** A part of the client's address. */
  readonly client?: string | undefined
  readonly stage?: string | undefined
  readonly sort: SessionSort
  readonly descending: boolean
  readonly limit: number
  readonly offset: number
}

export interface SessionPage {
  /** How many match, on all pages. */
  readonly total: number
  readonly sessions: readonly SessionStatus[]
  /** A worker thread has not replied in time: its sessions are missing. */
  readonly incomplete?: true | undefined
}

export interface SessionStatus {
  /** Not used again while this process lives. */
  readonly id: string
  readonly listener: string
  readonly client: string
  /** The one that was tried last. */
  readonly backend?: string | undefined
  readonly pool?: string | undefined
  readonly route?: string | undefined
  readonly stage: Stage | "closing"
  readonly ageMs: number
  readonly bytesFromClient: number
  readonly bytesFromBackend: number
  /** Bytes per second since it was last listed; at first, since its start. */
  readonly rateFromClient: number
  readonly rateFromBackend: number
  /** Without its query. */
  readonly path?: string | undefined
}

export interface ClosedTunnels {
  readonly closed: number
  /** A worker thread has not replied in time: it closes its tunnels once it can, and they are not counted. */
  readonly incomplete?: true | undefined
}

export type BackendChange =
  | { readonly kind: "add"; readonly backend: string; readonly weight?: number | undefined }
  | { readonly kind: "remove" | "drain" | "undrain"; readonly backend: string }
  | { readonly kind: "weight"; readonly backend: string; readonly weight: number }
