/**
 * What stays the same thing over a reload, whatever else changes about it: a listener is its bind address, a
 * named pool its name, and a pool of a listener or route is that place.
 */
import { formatAddress, parseBindAddress } from "../address/address.js"
import { toTable, toTables } from "../settings/table.js"
import type { ListenerConfig } from "./listener-schema.js"
import type { Config } from "./schema.js"

export function poolIdentity(name: string): string {
  return `pool ${JSON.stringify(name)}`
}

/** The identity of each listener. Those on port 0 also go by their name, or their order if they have none. */
export function listenerIdentities(listeners: Config["ws_proxy"]): string[] {
  const unnamed = new Map<string, number>()
  return listeners.map(({ bind, name }) => {
    const address = parseBindAddress(bind)
    const identity = `listener ${JSON.stringify(formatAddress(address))}`
    if (address.kind === "unix" || address.port !== 0) return identity
    return `${identity} ${name === undefined ? countIn(unnamed, identity) : JSON.stringify(name)}`
  })
}

/**
 * The identity of each route within its listener: the conditions by which it is found, so that a route put
 * in front of it changes nothing. Values of fields and parameters are left out: they may be secret.
 */
export function routeIdentities({ route = [] }: Pick<ListenerConfig, "route">): string[] {
  const same = new Map<string, number>()
  return toTables(route).map(([, { host, path, header, query }]) => {
    const names = [header, query].map((wanted) => Object.keys(toTable(wanted)))
    const conditions = JSON.stringify([host === undefined ? [] : [host].flat(), path ?? null, ...names])
    return `route ${conditions} ${countIn(same, conditions)}`
  })
}

/** How many of this text there are so far, this one included. */
function countIn(counts: Map<string, number>, text: string): number {
  const count = (counts.get(text) ?? 0) + 1
  counts.set(text, count)
  return count
}
