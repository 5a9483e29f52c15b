/** What the stages before the dial have found out about a request: who sent it, and where it leads. */
import type { TunnelLimits } from "../access/check.js"
import type { FieldEdit } from "../http/field-writer.js"
import type { PoolRuntime } from "../pool/pool-runtime.js"
import type { IncomingRequest } from "./read-request.js"
import type { RouteTarget } from "./route-target.js"

export interface Admission {
  readonly incoming: IncomingRequest
  readonly target: RouteTarget
  /** Whose backends are dialled. */
  readonly running: PoolRuntime
  /** The name of the only one that may be; undefined: the pool chooses. */
  readonly backend: string | undefined
  /** The request target for the backend, below its base path. */
  readonly path: string
  /** Fields for the backend from checks and the locator. */
  readonly edits: readonly FieldEdit[]
  /** What is different for this tunnel; undefined: nothing. */
  readonly limits: TunnelLimits | undefined
}
