/** Conditions of a route: what a request must have to take it. */
import type { HostPattern } from "../address/host-pattern.js"
import type { Field } from "../http/head.js"
import { SettingError } from "../settings/setting-error.js"
import { checkFieldName, checkFieldValue } from "../upgrade/field-rules.js"
import type { PathPattern } from "./path-pattern.js"
import type { RouteRequest } from "./route-request.js"

/** A request must match all conditions that are given. */
export interface RouteConditions {
  /** One must match. */
  readonly host?: readonly HostPattern[] | undefined
  readonly path?: PathPattern | undefined
  /** Each must match one of the request's fields. */
  readonly header?: readonly FieldCondition[] | undefined
  /**
   * Decoded values by query parameter: one of that name must have exactly this value, or any value (`true`).
   */
  readonly query?: Readonly<Record<string, string | true>> | undefined
}

export type FieldCondition = (field: Field) => boolean

/** Returns a function that matches a request against all conditions. */
export function toRouteMatch({
  host,
  path,
  header = [],
  query = {},
}: RouteConditions): (request: RouteRequest) => boolean {
  const parameters = Object.entries(query)
  return (request) =>
    (path === undefined || path.matches(request.normalPath)) &&
    (host === undefined || host.some((matches) => matches(request.host))) &&
    header.every((matches) => request.fields.some(matches)) &&
    parameters.every(([name, value]) => hasParameter(request.parameters, name, value))
}

/** A field of this name with exactly this value, or with any value (`true`). Throws `SettingError`. */
export function toFieldCondition(name: string, value: string | true): FieldCondition {
  checkFieldName(name)
  const key = name.toLowerCase()
  if (value === true) return (field) => field.name === key
  checkFieldValue(name, value)
  if (/^[ \t]|[ \t]$/.test(value)) {
    throw new SettingError(`the value of "${name}" starts or ends with white space, so no field can match it`)
  }
  return (field) => field.name === key && field.value === value
}

function hasParameter(parameters: URLSearchParams, name: string, value: string | true): boolean {
  return value === true ? parameters.has(name) : parameters.has(name, value)
}
