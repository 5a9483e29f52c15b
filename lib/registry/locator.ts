/** Decides for each request where it leads, in place of the pool of its route. */
import type { AskedRequest, Asking, TunnelLimits } from "../access/check.js"
import type { FieldEdit } from "../http/field-writer.js"
import type { Place } from "../limits/places.js"
import type { PoolRuntime } from "../pool/pool-runtime.js"

export interface Locator {
  /**
   * Throws or rejects with the `SessionEnd` that ends the session. It has a deadline of its own. Returns a
   * promise only if it has to wait.
   * @param path the request target for the backend: after rewriting by the route, below the backend's base
   * path
   */
  locate(asked: AskedRequest, path: string, asking: Asking): Destination | Promise<Destination>
}

export interface Destination {
  /** Absent: the route's. */
  readonly running?: PoolRuntime | undefined
  /** The only one of its backends that may get the session, by its name. Absent: the pool chooses. */
  readonly backend?: string | undefined
  /** The request target for the backend. */
  readonly path: string
  /** What the log calls the endpoint. Absent: nothing. */
  readonly endpoint?: string | undefined
  /** Changes of the fields that the backend gets. */
  readonly edits?: readonly FieldEdit[]
  readonly limits?: TunnelLimits
  /** A place that was acquired for the session, which releases it at its end. */
  readonly place?: Place | undefined
}
