/** Where a route leads and which rules apply there. */
import type { FieldEdit } from "../http/field-writer.js"
import type { Field } from "../http/head.js"
import type { PoolRuntime } from "../pool/pool-runtime.js"

export interface RouteTarget {
  /** The route's name in logs and events; undefined if no route leads here. */
  readonly title: string | undefined
  readonly running: PoolRuntime
  /** "backend", "client" or a literal. */
  readonly hostHeader: string
  readonly checkOrigin: (fields: readonly Field[]) => void
  readonly requestFields: readonly FieldEdit[]
  readonly responseFields: readonly FieldEdit[]
  /** The only subprotocols that may be offered to the backend. Empty: all may. */
  readonly subprotocols: ReadonlySet<string>
}
