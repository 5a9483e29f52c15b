/** Says in words what a new configuration changes, for the log. Both are valid and as they are written. */
import { isDeepStrictEqual } from "node:util"
import { formatAddress, parseBindAddress } from "../address/address.js"
import { ruleKeys } from "../routing/route-schema.js"
import type { Setting } from "../settings/setting.js"
import { type Table, toTable, toTables } from "../settings/table.js"
import { listenerIdentities, routeIdentities } from "./identities.js"
import { BACKEND, LISTENER, POOL, REGISTRY, ROUTE, TOP } from "./known-tables.js"
import type { ListenerConfig } from "./listener-schema.js"
import { titleOfRoute } from "./route-title.js"
import type { Config } from "./schema.js"
import { valueToToml } from "./to-toml.js"

/** Longer changes of one key say only that it has changed. */
const MAX_VALUES_LENGTH = 100

/**
 * One entry for each listener, pool and table that changes; empty if nothing does. Values that may be secret
 * are never in it.
 * @param sessionsOf how many sessions the listener of this identity has, for those that are removed
 */
export function describeChanges(
  before: Config,
  after: Config,
  sessionsOf: (listener: string) => number,
): string[] {
  const own = TOP.settings.filter(({ key }) => !["pool", "registry", "ws_proxy"].includes(key))
  return [
    ...diffKeys(own, before, after),
    ...diffNamed("pool", POOL.settings, toTable(before.pool), toTable(after.pool)),
    ...diffNamed("registry", REGISTRY.settings, toTable(before.registry), toTable(after.registry)),
    ...diffListeners(before.ws_proxy, after.ws_proxy, sessionsOf),
  ]
}

function diffNamed(kind: string, settings: readonly Setting[], before: Table, after: Table): string[] {
  const names = [...new Set([...Object.keys(after), ...Object.keys(before)])]
  return names.flatMap((name) => {
    if (!Object.hasOwn(after, name)) return [`${kind} ${name} removed`]
    if (!Object.hasOwn(before, name)) return [`${kind} ${name} added`]
    return entry(`${kind} ${name}`, diffPlace(settings, toTable(before[name]), toTable(after[name])))
  })
}

function diffListeners(
  before: readonly ListenerConfig[],
  after: readonly ListenerConfig[],
  sessionsOf: (listener: string) => number,
): string[] {
  const [earlier, later] = [before, after].map((listeners) =>
    byIdentity(listenerIdentities([...listeners]), listeners),
  )
  const settings = LISTENER.settings.filter(({ key }) => key !== "bind" && key !== "route")
  const stay = [...(later ?? [])].flatMap(([identity, listener]) => {
    const title = `listener ${titleOf(listener)}`
    const known = earlier?.get(identity)
    if (known === undefined) return [`${title} added`]
    return entry(title, [...diffPlace(settings, known, listener), ...diffRoutes(known, listener)])
  })
  const gone = [...(earlier ?? [])].flatMap(([identity, listener]) => {
    if (later?.has(identity)) return []
    const sessions = sessionsOf(identity)
    const draining = sessions === 0 ? "" : `, draining ${sessions} ${sessions === 1 ? "session" : "sessions"}`
    return [`listener ${titleOf(listener)} removed${draining}`]
  })
  return [...stay, ...gone]
}

function diffRoutes(before: ListenerConfig, after: ListenerConfig): string[] {
  const [earlier, later] = [before, after].map((listener) => {
    const routes = toTables(listener.route).map(([index, route]) => ({
      route,
      title: `route ${titleOfRoute(index, route)}`,
    }))
    return byIdentity(routeIdentities(listener), routes)
  })
  const stay = [...(later ?? [])].flatMap(([identity, { route, title }]) => {
    const known = earlier?.get(identity)
    if (known === undefined) return [`${title} added`]
    return diffPlace(ROUTE_SETTINGS, known.route, route).map((change) => `${title} ${change}`)
  })
  const gone = [...(earlier ?? [])].filter(([identity]) => !later?.has(identity))
  const common = [earlier, later].map((routes) =>
    [...(routes?.keys() ?? [])].filter((identity) => earlier?.has(identity) && later?.has(identity)),
  )
  const isReordered = !isDeepStrictEqual(common[0], common[1])
  return [
    ...stay,
    ...gone.map(([, { title }]) => `${title} removed`),
    ...(isReordered ? ["routes reordered"] : []),
  ]
}

/** Rules that a route leaves out are not the defaults, but its listener's. */
const ROUTE_SETTINGS = ROUTE.settings.map((setting) =>
  Object.hasOwn(ruleKeys, setting.key)
    ? { ...setting, default: undefined, ifAbsent: "the listener's" }
    : setting,
)

/** A pool, or a listener or route that may have one of its own. */
function diffPlace(settings: readonly Setting[], before: Table, after: Table): string[] {
  const others = settings.filter(({ key }) => key !== "backends")
  return [...diffKeys(others, before, after), ...diffBackends(before.backends, after.backends)]
}

function diffBackends(before: unknown, after: unknown): string[] {
  const [earlier, later] = [before, after].map(backendsByName)
  // A pool that a program has made.
  if (earlier === undefined || later === undefined) return before === after ? [] : ["backends changed"]
  const settings = BACKEND.settings.filter(({ key }) => key !== "address")
  const stay = [...later].flatMap(([name, backend]) => {
    const known = earlier.get(name)
    if (known === undefined) return [`backend ${name} added`]
    return diffKeys(settings, known, backend).map((change) => `backend ${name} ${change}`)
  })
  const gone = [...earlier.keys()].filter((name) => !later.has(name))
  return [...stay, ...gone.map((name) => `backend ${name} removed`)]
}

/** undefined if it is no list. */
function backendsByName(backends: unknown): Map<string, Table> | undefined {
  if (backends === undefined) return new Map()
  if (!Array.isArray(backends)) return undefined
  const tables = backends.map((backend: unknown) =>
    typeof backend === "string" ? { address: backend } : toTable(backend),
  )
  return new Map(tables.map((table) => [String(table.address), table]))
}

function diffKeys(settings: readonly Setting[], before: Table, after: Table): string[] {
  return settings.flatMap((setting) => diffKey(setting, before[setting.key], after[setting.key]))
}

function diffKey(setting: Setting, before: unknown, after: unknown): string[] {
  const { key, settings, isSecret, atStart } = setting
  const [earlier, later] = [before ?? setting.default, after ?? setting.default]
  if (isDeepStrictEqual(earlier, later)) return []
  if (settings.length > 0 && earlier !== undefined && later !== undefined) {
    return diffKeys(settings, toTable(earlier), toTable(later)).map((change) => `${key}.${change}`)
  }
  const hint = atStart ? " (takes effect at the next start)" : ""
  if (settings.length > 0) return [`${key} ${earlier === undefined ? "added" : "removed"}${hint}`]
  const values = `${written(setting, earlier)} -> ${written(setting, later)}`
  return [isSecret || values.length > MAX_VALUES_LENGTH ? `${key} changed${hint}` : `${key} ${values}${hint}`]
}

function written({ ifAbsent }: Setting, value: unknown): string {
  return value === undefined ? (ifAbsent ?? "none") : valueToToml(value)
}

function entry(title: string, changes: readonly string[]): string[] {
  return changes.length === 0 ? [] : [`${title}: ${changes.join(", ")}`]
}

function titleOf({ name, bind }: ListenerConfig): string {
  return name ?? formatAddress(parseBindAddress(bind))
}

function byIdentity<Item>(identities: readonly string[], items: readonly Item[]): Map<string, Item> {
  return new Map(items.map((item, index) => [identities[index] ?? "", item]))
}
