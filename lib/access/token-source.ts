/** `jwt.from`: where a request may carry its token. */
import { SessionEnd } from "../close-reason.js"
import { type Field, isToken, trim } from "../http/head.js"
import { SettingError } from "../settings/setting-error.js"
import type { UpgradeRequest } from "../upgrade/upgrade-request.js"
import { parseRequestPart, type RequestPart, valuesOfPart } from "./request-part.js"

export type TokenSource = RequestPart | { readonly kind: "subprotocol"; readonly prefix: string }

/** The Authorization of RFC 6750 §2.1. The scheme is case-insensitive (RFC 9110 §11.1). */
const BEARER = /^bearer(?: +(.*))?$/is
const SUBPROTOCOLS = "sec-websocket-protocol"

/** Throws `SettingError`. */
export function parseTokenSource(text: string): TokenSource {
  const prefix = /^subprotocol:(.+)$/s.exec(text)?.[1]
  if (prefix !== undefined && isToken(prefix)) return { kind: "subprotocol", prefix }
  const part = parseRequestPart(text)
  if (part !== undefined) return part
  throw new SettingError(
    `"${text}" is not a place of a token: expected "header:Authorization", "cookie:NAME", "query:NAME" or "subprotocol:PREFIX"`,
  )
}

/**
 * The token of the first source that has one; undefined if none has. Two tokens in one source are refused,
 * since the backend could read the other one. Throws `SessionEnd("bad_token")`.
 */
export function findToken(sources: readonly TokenSource[], request: UpgradeRequest): string | undefined {
  for (const source of sources) {
    const [token, ...more] = tokensIn(source, request)
    if (more.length > 0) throw new SessionEnd("bad_token", `there is more than one in ${titleOf(source)}`)
    if (token !== undefined) return token
  }
  return undefined
}

/** The source as it is written in the configuration. */
export function titleOf(source: TokenSource): string {
  return `${source.kind}:${source.kind === "subprotocol" ? source.prefix : source.name}`
}

/** One that is empty counts only beside another one. */
function tokensIn(source: TokenSource, request: UpgradeRequest): string[] {
  const tokens = valuesIn(source, request)
  return tokens.length > 1 ? tokens : tokens.filter((token) => token !== "")
}

function valuesIn(source: TokenSource, request: UpgradeRequest): string[] {
  if (source.kind === "subprotocol") {
    const { prefix } = source
    const offers = offersOf(request.fields).filter((offer) => offer.startsWith(prefix))
    return offers.map((offer) => offer.slice(prefix.length))
  }
  const values = valuesOfPart(request, source)
  if (source.kind !== "header" || source.name !== "authorization") return values
  // Credentials of another scheme are none of ours.
  return values.map((value) => trim(BEARER.exec(value)?.[1] ?? ""))
}

function offersOf(fields: readonly Field[]): string[] {
  return fields.filter(({ name }) => name === SUBPROTOCOLS).flatMap(({ value }) => value.split(",").map(trim))
}

/** The names of query parameters that may contain a token. */
export function queryNames(sources: readonly TokenSource[]): string[] {
  return sources.flatMap((source) => (source.kind === "query" ? [source.name] : []))
}

/**
 * The fields without offered subprotocols that begin with one of the prefixes, used or not. The same array if
 * there are none.
 */
export function withoutTokenOffers(fields: readonly Field[], prefixes: readonly string[]): readonly Field[] {
  const isToken = (offer: string) => prefixes.some((prefix) => offer.startsWith(prefix))
  if (prefixes.length === 0 || !offersOf(fields).some(isToken)) return fields
  return fields.flatMap((field) => {
    if (field.name !== SUBPROTOCOLS) return [field]
    const offers = field.value.split(",").map(trim)
    const kept = offers.filter((offer) => !isToken(offer))
    if (kept.length === offers.length) return [field]
    const value = kept.join(", ")
    return value === "" ? [] : [{ ...field, value, line: `Sec-WebSocket-Protocol: ${value}\r\n` }]
  })
}
