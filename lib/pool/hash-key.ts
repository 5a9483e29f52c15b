/** `hash_key`: the part of a request that decides its backend under the policy "hash". */

import { cookiesOf } from "../http/cookies.js"
import { isToken } from "../http/head.js"
import { SettingError } from "../settings/setting-error.js"
import type { UpgradeRequest } from "../upgrade/upgrade-request.js"

/** Reads the key from a request; undefined if the request has none. */
export type HashKey = (request: UpgradeRequest, clientIp: string) => string | undefined

const EXPECTED = '"client_ip", "path", "header:NAME", "cookie:NAME" or "query:NAME"'

/**
 * Parses `client_ip`, `path` (without the query), `header:NAME` (the first one's value), `cookie:NAME` or
 * `query:NAME` (decoded). An empty value counts as no key, since it distinguishes no clients. Throws
 * `SettingError`.
 */
export function parseHashKey(text: string): HashKey {
  const keyOf = readerOf(text)
  if (keyOf === undefined) throw new SettingError(`"${text}" is not a hash_key: expected ${EXPECTED}`)
  return (request, clientIp) => keyOf(request, clientIp) || undefined
}

function readerOf(text: string): HashKey | undefined {
  if (text === "client_ip") return (_, clientIp) => clientIp
  if (text === "path") return ({ target }) => splitTarget(target).path
  const colon = text.indexOf(":")
  const name = text.slice(colon + 1)
  if (colon < 0 || name === "") return undefined
  switch (text.slice(0, colon)) {
    case "header":
      return isToken(name) ? byHeader(name.toLowerCase()) : undefined
    case "cookie":
      return isToken(name) ? ({ fields }) => cookiesOf(fields, name)[0] : undefined
    case "query":
      // Without the "&", a "?" in front would not count as a part of the query.
      return ({ target }) => new URLSearchParams(`&${splitTarget(target).query}`).get(name) ?? undefined
    default:
      return undefined
  }
}

function byHeader(name: string): HashKey {
  return ({ fields }) => fields.find((field) => field.name === name)?.value
}

function splitTarget(target: string): { path: string; query: string } {
  const mark = target.indexOf("?")
  return mark < 0
    ? { path: target, query: "" }
    : { path: target.slice(0, mark), query: target.slice(mark + 1) }
}
