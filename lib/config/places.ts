/** Where a configuration can name a pool or have one of its own: its listeners and their routes. */
import { type Table, toTable, toTables } from "../settings/table.js"
import type { ConfigProblem } from "./problem.js"

/** Each listener, followed by its routes, with its path. Works on any input. */
export function placesOf(input: unknown): [place: Table, path: ConfigProblem["path"]][] {
  return toTables(toTable(input).ws_proxy).flatMap(([index, listener]) => {
    const path = ["ws_proxy", index]
    const routes = toTables(listener.route).map(([number, route]): [Table, ConfigProblem["path"]] => [
      route,
      [...path, "route", number],
    ])
    return [[listener, path], ...routes]
  })
}
