/** Finds the destination and target of a request: the first route whose conditions all match wins. */

import { SessionEnd } from "../close-reason.js"
import type { UpgradeRequest } from "../upgrade/upgrade-request.js"
import { isDotSegmented, parsePathPattern } from "./path-pattern.js"
import { type PathChange, toPathRewrite } from "./path-rewrite.js"
import { type RouteConditions, RouteRequest, toRouteMatch } from "./route.js"

export interface Route<Destination> extends PathChange {
  /** Without any, the route matches every request. */
  readonly conditions: RouteConditions
  readonly destination: Destination
}

export interface Routed<Destination> {
  readonly destination: Destination
  /** The request target for the backend: the path after rewriting, and the query as received. */
  readonly target: string
}

export class Router<Destination> {
  readonly #routes: readonly CompiledRoute<Destination>[]
  readonly #fallback: Destination | undefined
  readonly #needsPlainPath: boolean

  /**
   * @param routes tried in this order
   * @param fallback for requests that match no route; undefined: they are refused
   * @throws {SettingError} for an invalid condition or rewrite
   */
  constructor(routes: readonly Route<Destination>[], fallback: Destination | undefined) {
    this.#routes = routes.map(compile)
    this.#fallback = fallback
    this.#needsPlainPath = this.#routes.some(({ usesPath }) => usesPath)
  }

  /** Throws a `SessionEnd`: `no_route`, or `bad_target` for dot segments if any route depends on the path. */
  route(request: UpgradeRequest): Routed<Destination> {
    if (this.#routes.length === 0) return this.#toFallback(request)
    const routeRequest = new RouteRequest(request)
    if (this.#needsPlainPath && isDotSegmented(routeRequest.path)) {
      throw new SessionEnd("bad_target", "path contains dot segments")
    }
    const route = this.#routes.find(({ matches }) => matches(routeRequest))
    if (route === undefined) return this.#toFallback(request)
    const { destination, rewritePath } = route
    if (rewritePath === undefined) return { destination, target: request.target }
    return { destination, target: rewritePath(routeRequest.path) + routeRequest.query }
  }

  #toFallback({ target }: UpgradeRequest): Routed<Destination> {
    if (this.#fallback === undefined) throw new SessionEnd("no_route")
    return { destination: this.#fallback, target }
  }
}

interface CompiledRoute<Destination> {
  readonly matches: (request: RouteRequest) => boolean
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
