/** A request as the conditions of routes see it. */
import { hostName } from "../address/host-pattern.js"
import type { Field } from "../http/head.js"
import type { UpgradeRequest } from "../upgrade/upgrade-request.js"
import { normalizePath } from "./path-pattern.js"

/** Each part is computed lazily and only once for all routes. */
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
