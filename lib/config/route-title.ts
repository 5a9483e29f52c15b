/** What logs, events and reports of a reload call a route. */
import { type Table, toTables } from "../settings/table.js"
import type { ListenerConfig } from "./listener-schema.js"

/** The number of the route in its listener, from 1, its hosts and its path, as they are written. */
export function titleOfRoute(index: number, { host, path }: Table): string {
  return [index + 1, ...[host ?? []].flat(), path ?? ""].join(" ").trimEnd()
}

/** The titles of a listener's routes, in order. */
export function routeTitles({ route = [] }: Pick<ListenerConfig, "route">): string[] {
  return toTables(route).map(([index, table]) => titleOfRoute(index, table))
}
