/** Refuses reserved names of pools, conditions and fields. */

import { type Table, toTable } from "../settings/table.js"
import { placesOf } from "./places.js"
import type { ConfigProblem } from "./problem.js"

type Path = ConfigProblem["path"]

/** zod drops this key from every record, so its value would have no effect. */
const RESERVED = "__proto__"

/** Finds `__proto__` in the tables with free keys. */
export function findReservedNames(input: unknown): ConfigProblem[] {
  const places = placesOf(input).flatMap(([place, path]) => tablesOfPlace(place, path))
  return [[toTable(input).pool, ["pool"]] as const, ...places].flatMap(([table, path]) =>
    Object.hasOwn(toTable(table), RESERVED)
      ? [{ path: [...path, RESERVED], message: `"${RESERVED}" is reserved: choose another name` }]
      : [],
  )
}

function tablesOfPlace(place: Table, path: Path): (readonly [unknown, Path])[] {
  return [
    [place.header, [...path, "header"]],
    [place.query, [...path, "query"]],
    [toTable(place.request_headers).set, [...path, "request_headers", "set"]],
    [toTable(place.response_headers).set, [...path, "response_headers", "set"]],
  ]
}
