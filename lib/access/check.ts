/** What is asked about a request before a backend is dialled: whether the client may connect. */
import type { ClientAddress } from "../address/client-address.js"
import type { Report } from "../forwarding/reported-client.js"
import type { Trace } from "../forwarding/trace-fields.js"
import type { FieldEdit } from "../http/field-writer.js"
import type { Field } from "../http/head.js"
import type { UpgradeRequest } from "../upgrade/upgrade-request.js"

/** A valid request, and what is known about its client. */
export interface AskedRequest {
  /** With the fields that earlier checks have set, and without what they have removed. */
  readonly request: UpgradeRequest
  /** As the client sent it. */
  readonly received: UpgradeRequest
  /** The other end of the connection, or the source in its PROXY header. */
  readonly peer: ClientAddress
  /** The peer, or the client that the trusted proxies report. */
  readonly client: ClientAddress
  /** "https" if the peer connected by TLS. */
  readonly proto: "http" | "https"
  /** What the peer reports, if it is a trusted proxy. */
  readonly report: Report | undefined
  /** Absent: X-Request-ID and traceparent are passed on as they are. */
  readonly trace: Trace | undefined
}

/** The wait for one decision. */
export interface Asking {
  /** Aborted, with a `SessionEnd` as reason, when the client leaves. Created when it is first read. */
  readonly signal: AbortSignal
  readonly listener: string
  /** The route's name in logs and events; undefined if no route matched. */
  readonly route: string | undefined
}

export interface AccessCheck {
  /**
   * Lets the request in, or throws or rejects with the `SessionEnd` that ends the session. It has a deadline
   * of its own. Returns a promise only if it has to wait.
   */
  check(asked: AskedRequest, asking: Asking): Grant | Promise<Grant>
}

/** What a check changes of the session that it lets in. */
export interface Grant {
  /** Changes of the fields that the backend gets. They override those that the client sent. */
  readonly edits?: readonly FieldEdit[]
  /** Names of query parameters, decoded, that neither later checks nor the backend must get. */
  readonly removedQuery?: readonly string[]
  /** The request's fields without what neither later checks nor the backend must get. Default: all. */
  readonly fields?: readonly Field[]
  /** Limits of this tunnel in place of the listener's. */
  readonly limits?: TunnelLimits
}

/** Limits of one tunnel. As the keys of the same names: milliseconds; 0 = never. Absent: the listener's. */
export interface TunnelLimits {
  readonly idle_timeout_ms?: number
  readonly half_close_timeout_ms?: number
  readonly max_lifetime_ms?: number
  /** When it ends with `token_expired`: milliseconds since 1970. Absent: never. */
  readonly expiresAt?: number
}
