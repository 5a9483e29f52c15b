/** When a route is meant: what a request must have for it. */

import { hostName, parseHostPattern } from "../address/host-pattern.js"
import type { Field } from "../http/head.js"
import { SettingError } from "../settings/setting-error.js"
import { checkFieldName, checkFieldValue } from "../upgrade/field-rules.js"
import type { UpgradeRequest } from "../upgrade/upgrade-request.js"
import { normalizePath, type PathPattern } from "./path-pattern.js"

/** All that are given must hold. */
export interface RouteConditions {
  /** One of these, each as `parseHostPattern` takes it. */
  readonly host?: readonly string[] | undefined
  /** As `parsePathPattern` takes it. */
  readonly path?: string | undefined
  /** Fields by name: one of that name has exactly this value, or is there at all (`true`). */
  readonly header?: Readonly<Record<string, string | true>> | undefined
  /** Parameters of the query, decoded: one of that name has exactly this value, or is there at all (`true`). */
  readonly query?: Readonly<Record<string, string | true>> | undefined
}

/** What routes ask of a request. Each answer is found when the first route asks for it, and only once. */
export class Inquiry {
  /** The path as the client sent it. */
  readonly path: string
  /** The query with its "?", or "". */
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

/** Makes the check whether a request meets all conditions. `path` is the parsed one among them. Throws `SettingError`. */
export function toRouteMatch(
  { host, header = {}, query = {} }: RouteConditions,
  path: PathPattern | undefined,
): (inquiry: Inquiry) => boolean {
  if (host?.length === 0)
    throw new SettingError("a route without any host is never taken: expected at least one")
  const hosts = host?.map(parseHostPattern)
  const headers = Object.entries(header).map(toFieldCondition)
  const parameters = Object.entries(query)
  return (inquiry) =>
    (path === undefined || path.matches(inquiry.normalPath)) &&
    (hosts === undefined || hosts.some((isMeant) => isMeant(inquiry.host))) &&
    headers.every((holds) => inquiry.fields.some(holds)) &&
    parameters.every(([name, value]) => hasParameter(inquiry.parameters, name, value))
}

function toFieldCondition([name, value]: [string, string | true]): (field: Field) => boolean {
  checkFieldName(name)
  const key = name.toLowerCase()
  if (value === true) return (field) => field.name === key
  checkFieldValue(name, value)
  if (/^[ \t]|[ \t]$/.test(value)) {
    throw new SettingError(`the value of "${name}" has white space at an end, which no field's value has`)
  }
  return (field) => field.name === key && field.value === value
}

function hasParameter(parameters: URLSearchParams, name: string, value: string | true): boolean {
  return value === true ? parameters.has(name) : parameters.has(name, value)
}
