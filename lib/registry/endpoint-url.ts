/** The URL of an endpoint that is not in the configuration, and the request targets below it. */
import { parseBackendAddress } from "../address/backend-address.js"
import { SettingError } from "../settings/setting-error.js"
import { refuseDotSegments } from "../upgrade/dot-segments.js"
import { removeQuery } from "../upgrade/remove-query.js"

export interface EndpointUrl {
  /** `scheme://host[:port]`: endpoints that differ only in what follows share their connections' settings. */
  readonly address: string
  /** Prepended to the path of each request: "" or e.g. "/base". Never ends with a slash. */
  readonly basePath: string
  /** Its query, without the question mark. */
  readonly query: string
  /** The decoded names in that query. */
  readonly queryNames: readonly string[]
}

export const EXPECTED_URL =
  "expected ws://host[:port][/path][?query] or wss://…, without user name and fragment"

const URL_PARTS = /^((?:wss?|https?):\/\/[^/?#]+)([^?#]*)(?:\?([\x21\x22\x24-\x7e]*))?$/i

/** Throws a `SettingError` that does not repeat the URL: it may hold a password or a token. */
export function parseEndpointUrl(url: string): EndpointUrl {
  const [, address, path = "", query = ""] = URL_PARTS.exec(url) ?? []
  if (address === undefined) throw new SettingError(EXPECTED_URL)
  let basePath: string
  try {
    basePath = parseBackendAddress(address + path).basePath
  } catch (error) {
    if (error instanceof SettingError) throw new SettingError(EXPECTED_URL)
    throw error
  }
  const queryNames = [...new URLSearchParams(`&${query}`).keys()]
  return { address, basePath, query, queryNames }
}

/**
 * The request target below the path of the URL. The URL's query comes first, and the client can't add another
 * value to its parameters. Throws `SessionEnd("bad_target")` for dot segments, which could lead out of that
 * path.
 */
export function targetAt({ basePath, query, queryNames }: EndpointUrl, path: string): string {
  if (basePath !== "") refuseDotSegments(path)
  // A request for "/" means the URL itself, without another slash.
  const below = basePath !== "" && /^\/(?:\?|$)/.test(path) ? path.slice(1) : path
  if (query === "") return basePath + below
  const rest = removeQuery(below, queryNames)
  const mark = rest.indexOf("?")
  const target = mark < 0 ? `${rest}?${query}` : `${rest.slice(0, mark)}?${query}&${rest.slice(mark + 1)}`
  return basePath + target
}
