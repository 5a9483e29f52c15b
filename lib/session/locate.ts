/** Finds the route for a request, and checks whether the request may take it. */
import type { Pool } from "../pool/pool.js"
import { refuseDotSegments } from "../upgrade/dot-segments.js"
import type { IncomingRequest } from "./read-request.js"
import type { RouteTarget } from "./route-target.js"
import type { StageContext } from "./stage-context.js"
import { tell } from "./tell.js"

export interface Located {
  readonly target: RouteTarget
  /** The request target for the backend, below its base path. */
  readonly path: string
}

/** Throws a `SessionEnd`: `no_route`, `bad_target` or `bad_origin`. */
export function locate(session: StageContext, { request }: IncomingRequest): Located {
  session.enter("route")
  const located = session.settings.router.route(request)
  const { running, title, checkOrigin } = located.target
  const { summary } = session
  if (running !== undefined) summary.pool = running.name
  if (title !== undefined) summary.route = title
  tell(session, "route found")
  checkOrigin(request.fields)
  return located
}

/** Dot segments could lead out of the path under which a backend is mounted. */
export function refuseEscape(path: string, { members }: Pool): void {
  if (members.some(({ basePath }) => basePath !== "")) refuseDotSegments(path)
}
