/** What the admin API shows and changes. `lib/proxy` implements it. */
import type { LogLevel } from "../config/schema.js"
import type { ClosedTunnels, ListenerStatus, PoolStatus, ProxyStatus, SessionPage } from "./api-types.js"

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

export type BackendChange =
  | { readonly kind: "add"; readonly backend: string; readonly weight?: number | undefined }
  | { readonly kind: "remove" | "drain" | "undrain"; readonly backend: string }
  | { readonly kind: "weight"; readonly backend: string; readonly weight: number }
