/** The JSON of the admin API. Imports nothing, since the admin page is compiled with it for browsers. */

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
  readonly logLevel: string
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
  readonly balance: string
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
  readonly stage: string
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

/** A session that has ended. */
export interface EndedStatus {
  readonly listener: string
  readonly client: string
  readonly via?: string | undefined
  /** When it was accepted, in milliseconds since 1970. */
  readonly startedAt: number
  readonly backend?: string | undefined
  readonly path?: string | undefined
  readonly host?: string | undefined
  readonly origin?: string | undefined
  readonly userAgent?: string | undefined
  readonly route?: string | undefined
  readonly pool?: string | undefined
  readonly subprotocol?: string | undefined
  readonly requestId?: string | undefined
  readonly traceparent?: string | undefined
  readonly status?: number | undefined
  readonly bytesFromClient: number
  readonly bytesFromBackend: number
  readonly headMs?: number | undefined
  readonly dialMs?: number | undefined
  readonly handshakeMs?: number | undefined
  readonly tunnelMs?: number | undefined
  readonly worker?: number | undefined
  /** ISO 8601. */
  readonly endedAt: string
  /** A code of the table of reasons. */
  readonly reason: string
  readonly who: string
  /** The reason in words. */
  readonly text: string
}

export interface EndedSessions {
  /** The latest one first. */
  readonly sessions: readonly EndedStatus[]
}

/** What an order has changed, in words. */
export interface Changes {
  readonly changes: readonly string[]
}
