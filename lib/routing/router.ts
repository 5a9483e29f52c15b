/** Finds the route of a request: the first whose conditions all match wins. */

import { SessionEnd } from "../close-reason.js"
import { isDotSegmented } from "../upgrade/dot-segments.js"
import type { UpgradeRequest } from "../upgrade/upgrade-request.js"
import { type RouteConditions, toRouteMatch } from "./conditions.js"
import { type PathChange, toPathRewrite } from "./path-rewrite.js"
import { RouteRequest } from "./route-request.js"

export interface Route<Target> extends PathChange {
  /** Without any, the route matches every request. */
  readonly conditions: RouteConditions
  /** Where it leads. */
  readonly target: Target
}

export interface Routed<Target> {
  readonly target: Target
  /** The request target for the backend: the path after rewriting, and the query as received. */
  readonly path: string
}

export class Router<Target> {
  readonly #routes: readonly CompiledRoute<Target>[]
  readonly #fallback: Target | undefined
  readonly #needsPlainPath: boolean

  /**
   * @param routes tried in this order
   * @param fallback for requests that match no route; undefined: they are refused
   * @throws {SettingError} for a rewrite that does not fit its path
   */
  constructor(routes: readonly Route<Target>[], fallback: Target | undefined) {
    this.#routes = routes.map(compile)
    this.#fallback = fallback
    this.#needsPlainPath = this.#routes.some(({ usesPath }) => usesPath)
  }

  /** Throws a `SessionEnd`: `no_route`, or `bad_target` for dot segments if any route depends on the path. */
  route(request: UpgradeRequest): Routed<Target> {
    if (this.#routes.length === 0) return this.#toFallback(request)
    const routeRequest = new RouteRequest(request)
    if (this.#needsPlainPath && isDotSegmented(routeRequest.path)) {
      throw new SessionEnd("bad_target", "path contains dot segments")
    }
    const route = this.#routes.find(({ matches }) => matches(routeRequest))
    if (route === undefined) return this.#toFallback(request)
    const { target, rewritePath } = route
    if (rewritePath === undefined) return { target, path: request.target }
    return { target, path: rewritePath(routeRequest.path) + routeRequest.query }
  }

  #toFallback({ target: path }: UpgradeRequest): Routed<Target> {
    if (this.#fallback === undefined) throw new SessionEnd("no_route")
    return { target: this.#fallback, path }
  }
}

interface CompiledRoute<Target> {
  readonly matches: (request: RouteRequest) => boolean
  readonly rewritePath: ((path: string) => string) | undefined
  readonly usesPath: boolean
  readonly target: Target
}

function compile<Target>(route: Route<Target>): CompiledRoute<Target> {
  const { conditions, target } = route
  const { path } = conditions
  const rewritePath = toPathRewrite(path, route)
  const usesPath = path !== undefined || rewritePath !== undefined
  return { matches: toRouteMatch(conditions), rewritePath, usesPath, target }
}
