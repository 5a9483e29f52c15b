/** Conditions of a route, and the request that they are matched against. */

import { hostName, parseHostPattern } from "../address/host-pattern.js"
import type { Field } from "../http/head.js"
import { SettingError } from "../settings/setting-error.js"
import { checkFieldName, checkFieldValue } from "../upgrade/field-rules.js"
import type { UpgradeRequest } from "../upgrade/upgrade-request.js"
import { normalizePath, type PathPattern } from "./path-pattern.js"

/** A request must match all conditions that are given. */
export interface RouteConditions {
  /** Patterns for `parseHostPattern`; one must match. */
  readonly host?: readonly string[] | undefined
  /** A pattern for `parsePathPattern`. */
  readonly path?: string | undefined
  /** Values by field name: one field of that name must have exactly this value, or any value (`true`). */
  readonly header?: Readonly<Record<string, string | true>> | undefined
  /**
   * Decoded values by query parameter: one of that name must have exactly this value, or any value (`true`).
   */
  readonly query?: Readonly<Record<string, string | true>> | undefined
}

/** A request as routes see it. Each part is computed lazily and only once for all routes. */
export class RouteRequest {
  /** The path as received. */
  readonly path: string
  /** The query with its "?"; "" if there is none. */
  readonly query: string
  readonly fields: readonly Field[]
  readonly #hostField: string
  #host: string | undefined
  #normalPath: string | undefined
  #parameters: URLSearchParams | undefined

  constructor({ target, host, fields }: UpgradeRequest) {
    const mark = target.indexOf("?")
    this.path = mark < 0 ? target : target.slice(0, mark)
    this.query = target.slice(this.path.length)
    this.fields = fields
    this.#hostField = host
  }

  get host(): string {
    this.#host ??= hostName(this.#hostField)
    return this.#host
  }

  get normalPath(): string {
    this.#normalPath ??= normalizePath(this.path)
    return this.#normalPath
  }

  get parameters(): URLSearchParams {
    this.#parameters ??= new URLSearchParams(this.query)
    return this.#parameters
  }
}

/**
 * Returns a function that matches a request against all conditions. `path` is the parsed one. Throws
 * `SettingError`.
 */
export function toRouteMatch(
  { host, header = {}, query = {} }: RouteConditions,
  path: PathPattern | undefined,
): (request: RouteRequest) => boolean {
  if (host?.length === 0)
    throw new SettingError("a route with an empty host list never matches: expected at least one host")
  const hosts = host?.map(parseHostPattern)
  const headers = Object.entries(header).map(toFieldCondition)
  const parameters = Object.entries(query)
  return (request) =>
    (path === undefined || path.matches(request.normalPath)) &&
    (hosts === undefined || hosts.some((matches) => matches(request.host))) &&
    headers.every((matches) => request.fields.some(matches)) &&
    parameters.every(([name, value]) => hasParameter(request.parameters, name, value))
}

function toFieldCondition([name, value]: [string, string | true]): (field: Field) => boolean {
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
