/** Where a route leads and which rules apply there. */
import type { AccessCheck } from "../access/check.js"
import type { FieldEdit } from "../http/field-writer.js"
import type { Field } from "../http/head.js"
import type { PoolRuntime } from "../pool/pool-runtime.js"
import type { Locator } from "../registry/locator.js"

export interface RouteTarget {
  /** The route's name in logs and events; undefined if no route leads here. */
  readonly title: string | undefined
  /** Undefined: the locator names a pool for each request. */
  readonly running: PoolRuntime | undefined
  /** "backend", "client" or a literal. */
  readonly hostHeader: string
  readonly checkOrigin: (fields: readonly Field[]) => void
  /** Set for the backend if the client sends no Origin. */
  readonly origin: FieldEdit | undefined
  /** Asked one after the other. */
  readonly checks: readonly AccessCheck[]
  /** Asked last: where the request leads. */
  readonly locator: Locator | undefined
  readonly requestFields: readonly FieldEdit[]
  readonly responseFields: readonly FieldEdit[]
  /** The only subprotocols that may be offered to the backend. Empty: all may. */
  readonly subprotocols: ReadonlySet<string>
}
