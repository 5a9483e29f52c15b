/** The URL of an endpoint that is not in the configuration, and the request targets below it. */
import { parseBackendAddress } from "../address/backend-address.js"
import { SettingError } from "../settings/setting-error.js"
import { removeQuery } from "../upgrade/remove-query.js"

export interface EndpointUrl {
  /** The URL without the query. */
  readonly address: string
  /** Whether it has a path. */
  readonly hasPath: boolean
  /** Its query, without the question mark. */
  readonly query: string
  /** The decoded names in that query. */
  readonly queryNames: readonly string[]
}

export const EXPECTED_URL =
  "expected ws://host[:port][/path][?query] or wss://…, without user name and fragment"

/** Throws a `SettingError` that does not repeat the URL: it may hold a password or a token. */
export function parseEndpointUrl(url: string): EndpointUrl {
  const [, address, query = ""] =
    /^((?:wss?|https?):\/\/[^?#]+)(?:\?([\x21\x22\x24-\x7e]*))?$/i.exec(url) ?? []
  if (address === undefined) throw new SettingError(EXPECTED_URL)
  let basePath: string
  try {
    basePath = parseBackendAddress(address).basePath
  } catch (error) {
    if (error instanceof SettingError) throw new SettingError(EXPECTED_URL)
    throw error
  }
  const queryNames = [...new URLSearchParams(`&${query}`).keys()]
  return { address, hasPath: basePath !== "", query, queryNames }
}

/**
 * The request target below the path of the URL. The URL's query comes first, and the client can't add another
 * value to its parameters.
 */
export function targetAt({ hasPath, query, queryNames }: EndpointUrl, path: string): string {
  // A request for "/" means the URL itself, without another slash.
  const below = hasPath && /^\/(?:\?|$)/.test(path) ? path.slice(1) : path
  if (query === "") return below
  const rest = removeQuery(below, queryNames)
  const mark = rest.indexOf("?")
  return mark < 0 ? `${rest}?${query}` : `${rest.slice(0, mark)}?${query}&${rest.slice(mark + 1)}`
}
