/**
 * How a session can end. This table is the only list of reasons: refusals, log lines, events and failover
 * derive from its columns, and every error that a stage throws carries one of its codes.
 */

/** Who caused the end: one of the two peers, or rws itself by a limit, a deadline or a drain. */
export type Who = "client" | "backend" | "proxy"

/** How far the session had come. */
export type Stage =
  | "accept"
  | "head"
  | "validate"
  | "route"
  | "authorize"
  | "dial"
  | "handshake"
  | "relay"
  | "tunnel"

interface Row {
  readonly who: Who
  readonly stage: Stage
  /**
   * The HTTP status that rws refuses the client with. Absent: not a refusal, the client gets no response from
   * rws, or one whose status comes with the end: see `SessionEnd.response`.
   */
  readonly status?: number
  /** The level of the session's log line. */
  readonly level: "debug" | "info" | "warn" | "error"
  /** A failed dial after which the session may try another backend. */
  readonly retry?: true
  /**
   * The backend's own failure at this stage, which counts against it by `fail_on`. Never what the client or
   * this machine has caused.
   */
  readonly charged?: true
  /** Seconds for the refusal's Retry-After field (RFC 9110 §10.2.3). */
  readonly retryAfterS?: number
  /** The code of the Close frame to the client (RFC 6455 §7.4.1). Absent: `client_close_code`. */
  readonly closeCode?: number
  /** One sentence, used as the refusal's body and in the log. */
  readonly text: string
}

const rows = {
  too_many_connections: {
    who: "proxy",
    stage: "accept",
    status: 503,
    level: "info",
    retryAfterS: 1,
    text: "too many connections; try again later",
  },
  too_many_pending: {
    who: "proxy",
    stage: "accept",
    status: 503,
    level: "info",
    retryAfterS: 1,
    text: "too many handshakes at the same time; try again later",
  },
  too_many_from_client: {
    who: "client",
    stage: "accept",
    status: 429,
    level: "info",
    retryAfterS: 1,
    text: "too many connections from this address; close some first",
  },
  rate_limited: {
    who: "client",
    stage: "accept",
    status: 429,
    level: "info",
    retryAfterS: 1,
    text: "too many new connections from this address; try again later",
  },

  bad_proxy_header: {
    who: "client",
    stage: "head",
    status: 400,
    level: "info",
    text: "the PROXY header is not valid",
  },
  client_aborted_in_head: {
    who: "client",
    stage: "head",
    level: "debug",
    text: "the client closed before its request head was complete",
  },
  head_too_large: {
    who: "client",
    stage: "head",
    status: 431,
    level: "info",
    text: "the request head is too large",
  },
  head_timeout: {
    who: "client",
    stage: "head",
    status: 408,
    level: "info",
    text: "the request head did not arrive in time",
  },
  bad_request: {
    who: "client",
    stage: "head",
    status: 400,
    level: "info",
    text: "the request is not valid HTTP/1.1",
  },

  bad_version: {
    who: "client",
    stage: "validate",
    status: 400,
    level: "info",
    text: "only HTTP/1.1 can be upgraded",
  },
  bad_method: {
    who: "client",
    stage: "validate",
    status: 400,
    level: "info",
    text: "a WebSocket upgrade must use GET",
  },
  bad_target: {
    who: "client",
    stage: "validate",
    status: 400,
    level: "info",
    text: "the request target is not valid",
  },
  bad_host: {
    who: "client",
    stage: "validate",
    status: 400,
    level: "info",
    text: "the Host field is not valid",
  },
  has_body: {
    who: "client",
    stage: "validate",
    status: 400,
    level: "info",
    text: "a WebSocket upgrade must not have a body",
  },
  bad_upgrade: {
    who: "client",
    stage: "validate",
    status: 400,
    level: "info",
    text: "this is not a WebSocket upgrade",
  },
  bad_key: {
    who: "client",
    stage: "validate",
    status: 400,
    level: "info",
    text: "the Sec-WebSocket-Key field is not valid",
  },
  bad_ws_version: {
    who: "client",
    stage: "validate",
    status: 426,
    level: "info",
    text: "Sec-WebSocket-Version must be 13",
  },

  bad_forwarded: {
    who: "client",
    stage: "validate",
    status: 400,
    level: "info",
    text: "a field that names the client is not valid",
  },

  status_request: {
    who: "client",
    stage: "validate",
    level: "debug",
    text: "a plain GET of status_path was answered",
  },

  no_route: { who: "client", stage: "route", status: 404, level: "info", text: "nothing is served here" },
  bad_origin: {
    who: "client",
    stage: "route",
    status: 403,
    level: "info",
    text: "this Origin may not connect",
  },

  no_token: {
    who: "client",
    stage: "authorize",
    status: 401,
    level: "info",
    text: "a token is required",
  },
  bad_token: {
    who: "client",
    stage: "authorize",
    status: 401,
    level: "info",
    text: "the token is not valid",
  },
  keys_unavailable: {
    who: "proxy",
    stage: "authorize",
    status: 503,
    level: "warn",
    retryAfterS: 1,
    text: "the keys to verify tokens are not available; try again later",
  },
  auth_refused: {
    who: "proxy",
    stage: "authorize",
    level: "info",
    text: "the authorization service refused the request; its response was relayed",
  },
  auth_failed: {
    who: "proxy",
    stage: "authorize",
    status: 502,
    level: "warn",
    text: "the authorization service could not be asked, or its response is not valid",
  },
  auth_timeout: {
    who: "proxy",
    stage: "authorize",
    status: 504,
    level: "warn",
    text: "the authorization service did not respond in time",
  },
  hook_refused: {
    who: "proxy",
    stage: "authorize",
    level: "info",
    text: "a hook refused the request",
  },
  hook_failed: {
    who: "proxy",
    stage: "authorize",
    status: 500,
    level: "error",
    text: "a hook failed",
  },
  hook_timeout: {
    who: "proxy",
    stage: "authorize",
    status: 504,
    level: "warn",
    text: "a hook did not decide in time",
  },
  no_endpoint_key: {
    who: "client",
    stage: "authorize",
    status: 400,
    level: "info",
    text: "the request names no endpoint",
  },
  unknown_endpoint: {
    who: "client",
    stage: "authorize",
    status: 404,
    level: "info",
    text: "there is no such endpoint",
  },
  inactive_endpoint: {
    who: "client",
    stage: "authorize",
    status: 403,
    level: "info",
    text: "this endpoint is not active",
  },
  endpoint_full: {
    who: "proxy",
    stage: "authorize",
    status: 503,
    level: "info",
    retryAfterS: 1,
    text: "too many connections to this endpoint; try again later",
  },
  registry_failed: {
    who: "proxy",
    stage: "authorize",
    status: 503,
    level: "warn",
    retryAfterS: 1,
    text: "the registry could not be asked; try again later",
  },
  client_aborted_in_authorize: {
    who: "client",
    stage: "authorize",
    level: "info",
    text: "the client closed before it was authorized",
  },

  destination_refused: {
    who: "proxy",
    stage: "dial",
    status: 403,
    level: "warn",
    text: "this destination is not allowed",
  },
  no_backend: {
    who: "proxy",
    stage: "dial",
    status: 503,
    level: "warn",
    retryAfterS: 1,
    text: "no backend is available; try again later",
  },
  local_exhaustion: {
    who: "proxy",
    stage: "dial",
    status: 503,
    level: "warn",
    retry: true,
    retryAfterS: 1,
    text: "rws cannot open more connections; try again later",
  },
  resolve_failed: {
    who: "proxy",
    stage: "dial",
    status: 502,
    level: "warn",
    retry: true,
    text: "the backend's name could not be resolved",
  },
  resolve_timeout: {
    who: "proxy",
    stage: "dial",
    status: 504,
    level: "warn",
    retry: true,
    text: "the backend's name was not resolved in time",
  },
  backend_unreachable: {
    who: "backend",
    stage: "dial",
    status: 502,
    level: "warn",
    retry: true,
    charged: true,
    text: "no backend could be reached",
  },
  connect_timeout: {
    who: "backend",
    stage: "dial",
    status: 504,
    level: "warn",
    retry: true,
    charged: true,
    text: "no backend accepted the connection in time",
  },
  client_aborted_in_dial: {
    who: "client",
    stage: "dial",
    level: "info",
    text: "the client closed while a backend was being dialled",
  },

  client_aborted_in_handshake: {
    who: "client",
    stage: "handshake",
    level: "info",
    text: "the client closed before the backend responded",
  },
  no_response: {
    who: "backend",
    stage: "handshake",
    status: 502,
    level: "warn",
    charged: true,
    text: "the backend closed without a response",
  },
  bad_response: {
    who: "backend",
    stage: "handshake",
    status: 502,
    level: "warn",
    charged: true,
    text: "the backend's response is not valid HTTP/1.1",
  },
  response_too_large: {
    who: "backend",
    stage: "handshake",
    status: 502,
    level: "warn",
    charged: true,
    text: "the backend's response head exceeds 16 KiB",
  },
  bad_101: {
    who: "backend",
    stage: "handshake",
    status: 502,
    level: "warn",
    charged: true,
    text: "the backend's 101 does not match this request",
  },
  handshake_timeout: {
    who: "backend",
    stage: "handshake",
    status: 504,
    level: "warn",
    charged: true,
    text: "the backend did not respond in time",
  },

  refused_by_backend: {
    who: "backend",
    stage: "relay",
    level: "info",
    text: "the backend refused the upgrade; its response was relayed",
  },
  response_truncated: {
    who: "backend",
    stage: "relay",
    level: "warn",
    text: "the backend's response was truncated or too slow while it was relayed",
  },
  client_aborted_in_relay: {
    who: "client",
    stage: "relay",
    level: "info",
    text: "the client closed or stopped reading before it had the backend's response",
  },

  client_fin: {
    who: "client",
    stage: "tunnel",
    level: "info",
    text: "closed normally; the client sent the first FIN",
  },
  backend_fin: {
    who: "backend",
    stage: "tunnel",
    level: "info",
    text: "closed normally; the backend sent the first FIN",
  },
  client_reset: { who: "client", stage: "tunnel", level: "info", text: "the client's connection broke" },
  backend_reset: { who: "backend", stage: "tunnel", level: "info", text: "the backend's connection broke" },
  idle_timeout: {
    who: "proxy",
    stage: "tunnel",
    level: "info",
    text: "no byte moved in either direction for too long",
  },
  half_close_timeout: {
    who: "proxy",
    stage: "tunnel",
    level: "info",
    text: "one side had closed and the other stayed silent for too long",
  },
  max_lifetime: {
    who: "proxy",
    stage: "tunnel",
    level: "info",
    text: "the tunnel was open for as long as max_lifetime_ms allows",
  },
  token_expired: {
    who: "proxy",
    stage: "tunnel",
    level: "info",
    closeCode: 1008,
    text: "the client's token has expired",
  },

  backend_down: {
    who: "proxy",
    stage: "tunnel",
    level: "info",
    text: "the tunnel's backend went down or was removed",
  },

  admin_close: {
    who: "proxy",
    stage: "tunnel",
    level: "info",
    text: "closed through the admin API",
  },
  drain_timeout: { who: "proxy", stage: "tunnel", level: "info", text: "rws is shutting down" },
  internal_error: { who: "proxy", stage: "accept", status: 500, level: "error", text: "internal error" },
} as const satisfies Record<string, Row>

/** The code of a row of the table. */
export type CloseReason = keyof typeof rows

/** Every way in which a session can end. */
export const CLOSE_REASONS: Readonly<Record<CloseReason, Row>> = rows

/** A response that a hook or an authorization service gives the client. */
export interface OwnResponse {
  readonly status: number
  /** Complete field lines, each with its CRLF. Those that frame the body are written by rws. */
  readonly fieldLines: string
  readonly body: Buffer
}

/**
 * How one session ended. A stage throws it, or destroys a socket with it, and `session.ts` catches it. It has
 * the shape of an `Error` but no stack trace: an end is not a bug, and the trace would cost more than
 * checking the whole head.
 */
export class SessionEnd implements Error {
  readonly name = "SessionEnd"
  readonly #ownStatus: number | undefined

  constructor(
    readonly reason: CloseReason,
    /** What exactly was wrong. Shown to the client, so it must not contain secrets. */
    readonly detail = "",
    /** The system's error, if there was one. */
    readonly cause?: unknown,
    /**
     * What the client gets instead of rws's own refusal. Dropped once it has been written, since ends are
     * kept for the admin API.
     */
    public response?: OwnResponse | undefined,
  ) {
    this.#ownStatus = response?.status
  }

  /** The status of the refusal; undefined if it is none. */
  get status(): number | undefined {
    return this.#ownStatus ?? CLOSE_REASONS[this.reason].status
  }

  get message(): string {
    const { text } = CLOSE_REASONS[this.reason]
    return this.detail === "" ? text : `${text}: ${this.detail}`
  }
}

/**
 * Converts any error to a `SessionEnd`: one that already is keeps its reason, any other becomes the cause of
 * `reason`.
 */
export function toSessionEnd(error: unknown, reason: CloseReason): SessionEnd {
  return error instanceof SessionEnd ? error : new SessionEnd(reason, "", error)
}
