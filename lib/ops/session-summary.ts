import type { CloseReason, Who } from "../close-reason.js"

/** What is known of a session while it lasts. What it has not come to is absent. */
export interface SessionSummary {
  /** The listener's name. */
  readonly listener: string
  /**
   * The client's address, `host:port`, or what trusted proxies say of it, which is mostly without a port. "unix" on a Unix
   * socket, "unknown" if it had gone before we could ask.
   */
  client: string
  /** The proxy that the connection came from, where a proxy has said who the client is. */
  via?: string
  /** The backend that was tried last, as it is configured. */
  backend?: string
  /**
   * The request's path, without its query; of more than 1024 characters the first 1023 and "…". Also that of
   * a target that is refused, unless it has none, as in CONNECT.
   */
  path?: string
  /** The HTTP status that the client got: 101, a refusal by rws or by the backend. */
  status?: number | undefined
  /** Bytes of the tunnel that came from the client, without the head. */
  bytesFromClient: number
  /** Bytes of the tunnel that came from the backend, without the head. */
  bytesFromBackend: number
  /** Milliseconds from the first dial until a backend was connected, or the last one had failed. */
  dialMs?: number
  /** Milliseconds from sending the head until the backend's answer was complete, or we gave up. */
  handshakeMs?: number
  /** Milliseconds from the 101 until both sides had closed. */
  tunnelMs?: number
}

/** What is known of a session that has ended. */
export interface EndedSession extends SessionSummary {
  /** How it ended; see `CLOSE_REASONS`. */
  reason: CloseReason
  /** Who ended it. */
  who: Who
}

/** What is known of a session that rws has refused. */
export interface RefusedSession extends EndedSession {
  /** The HTTP status that the client got from rws. */
  status: number
}
