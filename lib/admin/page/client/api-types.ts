/** What the admin API responds with, as far as the page shows it. */

export interface Status {
  readonly version: string
  readonly nodeVersion: string
  readonly uptimeS: number
  /** 1 = the main thread serves. */
  readonly workers: number
  readonly draining: boolean
  readonly reloads: number
  readonly logLevel: string
  readonly totals: Totals
}

/** Counts since the start, except `live` and `liveTunnels`, which are current. */
export interface Totals {
  readonly sessions: number
  readonly tunnels: number
  readonly live: number
  readonly liveTunnels: number
  readonly bytesFromClient: number
  readonly bytesFromBackend: number
  readonly refusals: Readonly<Record<string, number>>
}

export interface Pool {
  readonly name: string
  readonly balance: string
  readonly backends: readonly Backend[]
}

export interface Backend {
  readonly name: string
  /** "down" by health checks, "ejected" by failed attempts. */
  readonly state: "up" | "ejected" | "down" | "draining"
  readonly reason?: string | undefined
  /** Of the last change of its state, ISO 8601. */
  readonly since?: string | undefined
  readonly weight: number
  readonly backup: boolean
  readonly active: number
  /** 0 = unlimited. */
  readonly maxConnections: number
  readonly dials: number
  readonly failures: number
  /** Its part of the pool's sessions, 0 to 1. */
  readonly share: number
}

export interface Listener {
  readonly name: string
  /** The bound address. */
  readonly address: string
  readonly sessions: number
  /** 0 = unlimited. */
  readonly maxConnections: number
  readonly pending: number
  /** 0 = unlimited. */
  readonly maxPending: number
  readonly draining: boolean
  /** Of requests that no route matches. */
  readonly pool?: string | undefined
  readonly routes: readonly Route[]
}

export interface Route {
  /** From 1, in the order of the configuration. */
  readonly route: number
  readonly host: readonly string[]
  readonly path?: string | undefined
  /** Names only. */
  readonly header: readonly string[]
  readonly query: readonly string[]
  readonly pool: string
}

/** What an order has changed, in words. */
export interface Changes {
  readonly changes: readonly string[]
}

export interface SessionPage {
  /** How many sessions match the filter, on all pages. */
  readonly total: number
  readonly sessions: readonly LiveSession[]
  /** A worker thread has not replied in time. */
  readonly incomplete?: true | undefined
}

export interface LiveSession {
  readonly id: string
  readonly listener: string
  readonly client: string
  readonly backend?: string | undefined
  readonly pool?: string | undefined
  readonly route?: string | undefined
  readonly stage: string
  readonly ageMs: number
  readonly bytesFromClient: number
  readonly bytesFromBackend: number
  readonly rateFromClient: number
  readonly rateFromBackend: number
  readonly path?: string | undefined
}

export interface EndedSession {
  readonly listener: string
  readonly client: string
  readonly backend?: string | undefined
  readonly path?: string | undefined
  readonly host?: string | undefined
  readonly origin?: string | undefined
  readonly userAgent?: string | undefined
  readonly requestId?: string | undefined
  readonly status?: number | undefined
  readonly bytesFromClient: number
  readonly bytesFromBackend: number
  readonly tunnelMs?: number | undefined
  /** ISO 8601. */
  readonly endedAt: string
  readonly reason: string
  readonly who: string
  /** The reason in words. */
  readonly text: string
}
