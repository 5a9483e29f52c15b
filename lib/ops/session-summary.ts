/** The facts about a session in log lines and events. */
import type { CloseReason, Who } from "../close-reason.js"

/** The known facts about a session. Fields of stages that it has not reached are absent. */
export interface SessionSummary {
  /** The listener's name. */
  readonly listener: string
  /**
   * The client's address, `host:port`, or the one that trusted proxies report, mostly without a port. "unix"
   * on a Unix socket, "unknown" if the client had closed before its address was read.
   */
  client: string
  /** The proxy that the connection came from, if it has reported the client. */
  via?: string
  /** When the client was accepted: milliseconds since 1970, as of `Date.now`. */
  readonly startedAt: number
  /** The backend that was tried last, as configured. */
  backend?: string
  /**
   * The request's path without its query, also of a refused target if it has one (CONNECT has none). Longer
   * than 1024 characters: the first 1023 and "…".
   */
  path?: string
  /**
   * The request's Host field. Like `origin` and `userAgent` truncated to 256 characters, then ending in "…".
   */
  host?: string
  /** The request's Origin field. */
  origin?: string
  /** The request's User-Agent field. */
  userAgent?: string
  /**
   * The route by its number in the listener, from 1, its hosts and its path. Absent: the listener's own pool.
   */
  route?: string
  /** The pool's name. A pool without a name is called after its listener, with the number of its route. */
  pool?: string
  /** The key of the endpoint in the registry, or what a `locate` hook calls it; truncated as `host` is. */
  endpoint?: string
  /** The subprotocol that the backend chose. Longer than 40 characters: the first 8 and "…". */
  subprotocol?: string
  /** X-Request-ID for the backend: the one from a trusted proxy, else the trace-id. */
  requestId?: string
  /** traceparent for the backend (W3C Trace Context): the one from a trusted proxy, else a new one. */
  traceparent?: string
  /** The HTTP status that the client got: 101, a refusal by rws or by the backend. */
  status?: number | undefined
  /** Bytes of the tunnel that came from the client, without the head. */
  bytesFromClient: number
  /** Bytes of the tunnel that came from the backend, without the head. */
  bytesFromBackend: number
  /** Milliseconds from the accept until the request head was complete. */
  headMs?: number
  /** Milliseconds from the first dial until a backend was connected or the last dial had failed. */
  dialMs?: number
  /**
   * Milliseconds from sending the head until the backend's response head was complete or the handshake
   * failed.
   */
  handshakeMs?: number
  /** Milliseconds from the 101 until both sides had closed. */
  tunnelMs?: number
  /** The worker thread that has served the session, from 0. Absent if the main thread has. */
  readonly worker?: number
}

/** A session that has become a tunnel. */
export interface OpenedSession extends SessionSummary {
  backend: string
  pool: string
  status: 101
  headMs: number
  dialMs: number
  handshakeMs: number
  tunnelMs?: never
}

/** A session that has ended. */
export interface EndedSession extends SessionSummary {
  /** How it ended; see `CLOSE_REASONS`. */
  reason: CloseReason
  /** Who ended it. */
  who: Who
}

/** A session that rws has refused. */
export interface RefusedSession extends EndedSession {
  /** The HTTP status that the client got from rws. */
  status: number
}
