/** Refuses reserved names of pools, conditions and fields. */

import { toTable, toTables } from "../settings/table.js"
import type { ConfigProblem } from "./problem.js"

type Path = ConfigProblem["path"]

/** zod drops this key from every record, so its value would have no effect. */
const RESERVED = "__proto__"

/** Finds `__proto__` in the tables with free keys. */
export function findReservedNames(input: unknown): ConfigProblem[] {
  const { pool, ws_proxy } = toTable(input)
  const places = toTables(ws_proxy).flatMap(([index, listener]) => {
    const path = ["ws_proxy", index]
    const routes = toTables(listener.route).flatMap(([index, route]) =>
      tablesOfPlace(route, [...path, "route", index]),
    )
    return [...tablesOfPlace(listener, path), ...routes]
  })
  return [[pool, ["pool"]] as const, ...places].flatMap(([table, path]) =>
    Object.hasOwn(toTable(table), RESERVED)
      ? [{ path: [...path, RESERVED], message: `"${RESERVED}" is reserved: choose another name` }]
      : [],
  )
}

function tablesOfPlace(place: ReturnType<typeof toTable>, path: Path): (readonly [unknown, Path])[] {
  return [
    [place.header, [...path, "header"]],
    [place.query, [...path, "query"]],
    [toTable(place.request_headers).set, [...path, "request_headers", "set"]],
    [toTable(place.response_headers).set, [...path, "response_headers", "set"]],
  ]
}
