/**
 * How a session can end. This table is the only list of reasons: refusals take their status and text from it,
 * log lines and events their `reason`, and every error that a stage throws carries one of its codes.
 */

/** Who caused the end: one of the two peers, or rws itself by a limit, a deadline or a drain. */
export type Who = "client" | "backend" | "proxy"

/** How far the session had come. */
export type Stage = "accept" | "head" | "validate" | "route" | "dial" | "handshake" | "relay" | "tunnel"

interface Row {
  readonly who: Who
  readonly stage: Stage
  /** The HTTP status that the client gets; absent where it gets no answer from rws. */
  readonly status?: number
  /** One sentence, used as the refusal's body and in the log. */
  readonly text: string
}

const rows = {
  too_many_connections: {
    who: "proxy",
    stage: "accept",
    status: 503,
    text: "too many connections; try again later",
  },
  too_many_pending: {
    who: "proxy",
    stage: "accept",
    status: 503,
    text: "too many handshakes at the same time; try again later",
  },
  too_many_from_client: {
    who: "client",
    stage: "accept",
    status: 429,
    text: "too many connections from this address; close some first",
  },
  rate_limited: {
    who: "client",
    stage: "accept",
    status: 429,
    text: "too many new connections from this address; try again later",
  },

  bad_proxy_header: { who: "client", stage: "head", status: 400, text: "the PROXY header is not valid" },
  client_aborted_in_head: {
    who: "client",
    stage: "head",
    text: "the client closed before its request head was complete",
  },
  head_too_large: { who: "client", stage: "head", status: 431, text: "the request head is too large" },
  head_timeout: {
    who: "client",
    stage: "head",
    status: 408,
    text: "the request head did not arrive in time",
  },
  bad_request: { who: "client", stage: "head", status: 400, text: "the request is not valid HTTP/1.1" },

  bad_version: { who: "client", stage: "validate", status: 400, text: "only HTTP/1.1 can be upgraded" },
  bad_method: { who: "client", stage: "validate", status: 400, text: "a WebSocket upgrade must use GET" },
  bad_target: { who: "client", stage: "validate", status: 400, text: "the request target is not valid" },
  bad_host: { who: "client", stage: "validate", status: 400, text: "the Host field is not valid" },
  has_body: {
    who: "client",
    stage: "validate",
    status: 400,
    text: "a WebSocket upgrade must not have a body",
  },
  bad_upgrade: { who: "client", stage: "validate", status: 400, text: "this is not a WebSocket upgrade" },
  bad_key: {
    who: "client",
    stage: "validate",
    status: 400,
    text: "the Sec-WebSocket-Key field is not valid",
  },
  bad_ws_version: { who: "client", stage: "validate", status: 426, text: "Sec-WebSocket-Version must be 13" },

  bad_forwarded: {
    who: "client",
    stage: "validate",
    status: 400,
    text: "a field that names the client is not valid",
  },

  no_route: { who: "client", stage: "route", status: 404, text: "nothing is served here" },
  bad_origin: { who: "client", stage: "route", status: 403, text: "this Origin may not connect" },

  no_backend: {
    who: "proxy",
    stage: "dial",
    status: 503,
    text: "no backend can be used now; try again later",
  },
  local_exhaustion: {
    who: "proxy",
    stage: "dial",
    status: 503,
    text: "rws can open no more connections; try again later",
  },
  resolve_failed: {
    who: "proxy",
    stage: "dial",
    status: 502,
    text: "the backend's name could not be resolved",
  },
  resolve_timeout: {
    who: "proxy",
    stage: "dial",
    status: 504,
    text: "the backend's name was not resolved in time",
  },
  backend_unreachable: { who: "backend", stage: "dial", status: 502, text: "no backend could be reached" },
  connect_timeout: {
    who: "backend",
    stage: "dial",
    status: 504,
    text: "no backend accepted the connection in time",
  },
  client_aborted_in_dial: {
    who: "client",
    stage: "dial",
    text: "the client closed while a backend was dialled",
  },

  client_aborted_in_handshake: {
    who: "client",
    stage: "handshake",
    text: "the client closed before the backend answered",
  },
  no_response: {
    who: "backend",
    stage: "handshake",
    status: 502,
    text: "the backend closed without an answer",
  },
  bad_response: {
    who: "backend",
    stage: "handshake",
    status: 502,
    text: "the backend's answer is not valid HTTP/1.1",
  },
  response_too_large: {
    who: "backend",
    stage: "handshake",
    status: 502,
    text: "the heads of the backend's answer have more than 16 KiB",
  },
  bad_101: {
    who: "backend",
    stage: "handshake",
    status: 502,
    text: "the backend's 101 does not answer this request",
  },
  handshake_timeout: {
    who: "backend",
    stage: "handshake",
    status: 504,
    text: "the backend did not answer in time",
  },

  refused_by_backend: {
    who: "backend",
    stage: "relay",
    text: "the backend refused the upgrade; its answer was relayed",
  },
  response_truncated: {
    who: "backend",
    stage: "relay",
    text: "the backend's answer broke off or came too slowly while it was relayed",
  },
  client_aborted_in_relay: {
    who: "client",
    stage: "relay",
    text: "the client closed or stopped reading before it had the backend's answer",
  },

  client_fin: { who: "client", stage: "tunnel", text: "closed normally; the client sent the first FIN" },
  backend_fin: { who: "backend", stage: "tunnel", text: "closed normally; the backend sent the first FIN" },
  client_reset: { who: "client", stage: "tunnel", text: "the client's connection broke" },
  backend_reset: { who: "backend", stage: "tunnel", text: "the backend's connection broke" },
  idle_timeout: { who: "proxy", stage: "tunnel", text: "no byte moved in either direction for too long" },
  half_close_timeout: {
    who: "proxy",
    stage: "tunnel",
    text: "one side had closed and the other stayed silent for too long",
  },

  drain_timeout: { who: "proxy", stage: "tunnel", text: "rws is shutting down" },
  internal_error: { who: "proxy", stage: "accept", status: 500, text: "internal error" },
} as const satisfies Record<string, Row>

/** The code of a row of the table. */
export type CloseReason = keyof typeof rows

/** Each way in which a session can end: who ended it, at which stage, the HTTP status it gave, and a sentence. */
export const CLOSE_REASONS: Readonly<Record<CloseReason, Row>> = rows

/**
 * How one session ended. A stage throws it, or destroys a socket with it, and `session.ts` catches it. It has the shape of
 * an `Error` but no stack trace: an end is no bug, and taking the trace would cost more than checking the whole head.
 */
export class SessionEnd implements Error {
  readonly name = "SessionEnd"

  constructor(
    readonly reason: CloseReason,
    /** What exactly was wrong. It is shown to the client and must not hold anything secret. */
    readonly detail = "",
    /** The system's error, where there was one. */
    readonly cause?: unknown,
  ) {}

  get message(): string {
    const { text } = CLOSE_REASONS[this.reason]
    return this.detail === "" ? text : `${text}: ${this.detail}`
  }
}

/** The session's end that an error means: its own where a stage has named one, else `reason` because of it. */
export function asSessionEnd(error: unknown, reason: CloseReason): SessionEnd {
  return error instanceof SessionEnd ? error : new SessionEnd(reason, "", error)
}
