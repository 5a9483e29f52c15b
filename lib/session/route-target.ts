/** Where a route leads and which rules apply there, resolved once from the settings of listener and route. */
import { toOriginCheck } from "../access/origin.js"
import type { ListenerConfig, PlaceConfig, RouteConfig } from "../config/schema.js"
import type { FieldEdit } from "../http/field-writer.js"
import type { Field } from "../http/head.js"
import type { PoolRuntime } from "../pool/pool-runtime.js"
import { Router } from "../routing/router.js"
import { toFieldEdits } from "../upgrade/field-rules.js"

export interface RouteTarget {
  readonly running: PoolRuntime
  /** "backend", "client" or a literal. */
  readonly hostHeader: string
  readonly checkOrigin: (fields: readonly Field[]) => void
  readonly requestFields: readonly FieldEdit[]
  readonly responseFields: readonly FieldEdit[]
  /** The only subprotocols that may be offered to the backend. Empty: all may. */
  readonly subprotocols: ReadonlySet<string>
}

/**
 * Makes the router of a listener.
 * @param own the listener's own pool, for requests that no route matches
 * @param poolOf the pool that a route names or has of its own, if any; `title` is its name in the log
 */
export function toRouter(
  listener: ListenerConfig,
  own: PoolRuntime | undefined,
  poolOf: (place: PlaceConfig, title: string) => PoolRuntime | undefined,
): Router<RouteTarget> {
  const title = listener.name ?? listener.bind
  const routes = listener.route.map((route, index) => {
    const running = poolOf(route, `${title} route ${index + 1}`) ?? own
    if (running === undefined) throw new Error(`route ${index + 1} of ${title} leads nowhere`)
    const { host, path, header, query, strip_prefix, rewrite } = route
    return {
      conditions: { host: host === undefined ? undefined : [host].flat(), path, header, query },
      strip_prefix,
      rewrite,
      destination: toRouteTarget(running, listener, route),
    }
  })
  return new Router(routes, own && toRouteTarget(own, listener, {}))
}

/** Rules set on a route override the listener's, each as a whole. */
function toRouteTarget(running: PoolRuntime, listener: ListenerConfig, route: RouteConfig): RouteTarget {
  return {
    running,
    hostHeader: route.host_header ?? listener.host_header,
    checkOrigin: toOriginCheck({
      allowed_origins: route.allowed_origins ?? listener.allowed_origins,
      require_origin: route.require_origin ?? listener.require_origin,
    }),
    requestFields: toFieldEdits(route.request_headers ?? listener.request_headers),
    responseFields: toFieldEdits(route.response_headers ?? listener.response_headers),
    subprotocols: new Set(route.subprotocols ?? listener.subprotocols),
  }
}
