/** Connects the parsed keys of a listener with its pools: each route leads to a pool, under its rules. */
import { toOriginCheck } from "../access/origin.js"
import { formatAddress } from "../address/address.js"
import type { ListenerConfig, ParsedListener, ParsedRoute, PoolPlace } from "../config/listener-schema.js"
import { FieldEdit } from "../http/field-writer.js"
import type { PoolRuntime } from "../pool/pool-runtime.js"
import { Router } from "../routing/router.js"
import type { ListenerSettings } from "../session/listener-state.js"
import type { RouteTarget } from "../session/route-target.js"
import type { Guarded, GuardRules, Guards } from "./guards.js"

/**
 * @param written the listener as it is written
 * @param titles what logs and events call its routes, in order
 * @param poolOf the pool that a place names or has of its own, if any. `title` is its name in the log, and
 * `route` the route's index if the place is a route
 */
export function composeListener(
  listener: ParsedListener,
  written: ListenerConfig | undefined,
  titles: readonly string[],
  poolOf: (place: PoolPlace, title: string, route?: number) => PoolRuntime | undefined,
  guards: Guards,
): ListenerSettings {
  const name = listener.name ?? formatAddress(listener.bind)
  const own = poolOf(listener, name)
  const routes = listener.route.map((route, index) => {
    const running = poolOf(route, `${name} route ${index + 1}`, index) ?? own
    const { strip_prefix, rewrite } = route
    return {
      conditions: route,
      strip_prefix,
      rewrite,
      target: toRouteTarget(titles[index], running, listener, route, (rules) => {
        return guards.guard(rules, { ...written, ...written?.route?.[index] }, running)
      }),
    }
  })
  const isOpen = own !== undefined || listener.registry !== undefined
  const rest = isOpen
    ? toRouteTarget(undefined, own, listener, {}, (rules) => guards.guard(rules, { ...written }, own))
    : undefined
  const router = new Router(routes, rest)
  return { ...listener, name, router, ownPool: own?.pool }
}

/** Rules set on a route override the listener's, each as a whole. */
function toRouteTarget(
  title: string | undefined,
  running: PoolRuntime | undefined,
  listener: ParsedListener,
  route: ParsedRoute,
  guard: (rules: GuardRules) => Guarded,
): RouteTarget {
  return {
    title,
    running,
    hostHeader: route.host_header ?? listener.host_header,
    checkOrigin: toOriginCheck({
      allowed_origins: route.allowed_origins ?? listener.allowed_origins,
      require_origin: route.require_origin ?? listener.require_origin,
    }),
    origin: toOriginField(route.origin ?? listener.origin),
    ...guard({
      jwt: route.jwt ?? (route.skip_auth ? undefined : listener.jwt),
      forward_auth: route.forward_auth ?? (route.skip_auth ? undefined : listener.forward_auth),
      // A route with a pool of its own needs no endpoint.
      registry: route.registry ?? (hasPool(route) ? undefined : listener.registry),
      registry_key: route.registry_key ?? listener.registry_key,
      keep_key: route.keep_key ?? listener.keep_key,
    }),
    requestFields: route.request_headers ?? listener.request_headers,
    responseFields: route.response_headers ?? listener.response_headers,
    subprotocols: route.subprotocols ?? listener.subprotocols,
  }
}

function hasPool({ pool, backends }: ParsedRoute): boolean {
  return pool !== undefined || backends !== undefined
}

function toOriginField(origin: string | undefined): FieldEdit | undefined {
  return origin === undefined ? undefined : FieldEdit.set("Origin", origin)
}
