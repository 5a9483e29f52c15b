/** Which destination a request is for, and what is asked of it there: the first route whose conditions all hold. */

import { SessionEnd } from "../close-reason.js"
import type { UpgradeRequest } from "../upgrade/upgrade-request.js"
import { isDotSegmented, parsePathPattern } from "./path-pattern.js"
import { type PathChange, toPathRewrite } from "./path-rewrite.js"
import { Inquiry, type RouteConditions, toRouteMatch } from "./route.js"

export interface Route<Destination> extends PathChange {
  /** None: the route is taken by every request that comes to it. */
  readonly conditions: RouteConditions
  readonly destination: Destination
}

export interface Routed<Destination> {
  readonly destination: Destination
  /** The target to ask for there: the path that the route gives, and the query with the client's bytes. */
  readonly target: string
}

export class Router<Destination> {
  readonly #routes: readonly CompiledRoute<Destination>[]
  readonly #fallback: Destination | undefined
  readonly #needsPlainPath: boolean

  /**
   * @param routes in the order in which they are tried
   * @param fallback where a request goes that no route takes; undefined: nowhere
   * @throws {SettingError} for a condition or a rewriting that can't be understood
   */
  constructor(routes: readonly Route<Destination>[], fallback: Destination | undefined) {
    this.#routes = routes.map(compile)
    this.#fallback = fallback
    this.#needsPlainPath = this.#routes.some(({ usesPath }) => usesPath)
  }

  /** Throws a `SessionEnd`: `no_route`, or `bad_target` for a path with dot segments where a route looks at the path. */
  route(request: UpgradeRequest): Routed<Destination> {
    if (this.#routes.length === 0) return this.#toFallback(request)
    const inquiry = new Inquiry(request)
    if (this.#needsPlainPath && isDotSegmented(inquiry.path)) {
      throw new SessionEnd("bad_target", "its path holds dot segments")
    }
    const route = this.#routes.find(({ matches }) => matches(inquiry))
    if (route === undefined) return this.#toFallback(request)
    const { destination, rewritePath } = route
    if (rewritePath === undefined) return { destination, target: request.target }
    return { destination, target: rewritePath(inquiry.path) + inquiry.query }
  }

  #toFallback({ target }: UpgradeRequest): Routed<Destination> {
    if (this.#fallback === undefined) throw new SessionEnd("no_route")
    return { destination: this.#fallback, target }
  }
}

interface CompiledRoute<Destination> {
  readonly matches: (inquiry: Inquiry) => boolean
  readonly rewritePath: ((path: string) => string) | undefined
  readonly usesPath: boolean
  readonly destination: Destination
}

function compile<Destination>(route: Route<Destination>): CompiledRoute<Destination> {
  const { conditions, destination } = route
  const path = conditions.path === undefined ? undefined : parsePathPattern(conditions.path)
  const rewritePath = toPathRewrite(path, route)
  const usesPath = path !== undefined || rewritePath !== undefined
  return { matches: toRouteMatch(conditions, path), rewritePath, usesPath, destination }
}
