/** A configuration put together: its pools, its listeners, and the shared memory in which they count. */
import { listenerIdentities, routeIdentities } from "../config/identities.js"
import { toSettings } from "../config/load.js"
import type { Config } from "../config/schema.js"
import type { Observer } from "../ops/observer.js"
import type { ListenerSettings } from "../session/listener-state.js"
import type { Rows } from "../shared/rows.js"
import { composeListener } from "./compose-listener.js"
import { type ListenerRows, listenerRows } from "./listener-rows.js"
import { Pools } from "./pools.js"

export interface PlannedListener {
  /** What it keeps over a reload. */
  readonly identity: string
  readonly settings: ListenerSettings
  readonly rows: ListenerRows
}

export interface Plan {
  readonly pools: Pools
  /** In the order of the configuration. */
  readonly listeners: readonly PlannedListener[]
}

/**
 * Binds nothing and starts nothing.
 * @throws {ConfigError}
 */
export function makePlan(config: Config, rows: Rows, observer: Observer): Plan {
  const { pool, ws_proxy } = toSettings(config)
  const pools = new Pools(pool, observer, rows)
  const identities = listenerIdentities(config.ws_proxy)
  const routes = config.ws_proxy.map(routeIdentities)
  const listeners = ws_proxy.map((listener, index) => {
    const identity = identities[index] ?? ""
    const settings = composeListener(listener, (place, title, route) => {
      const part = route === undefined ? "own" : (routes[index]?.[route] ?? "")
      return pools.poolOf(place, title, `${identity} ${part} pool`)
    })
    return { identity, settings, rows: listenerRows(rows, identity, settings) }
  })
  return { pools, listeners }
}
