/** `forward_auth.cache.key`: which requests get the same verdict. */
import { hash } from "node:crypto"
import { SettingError } from "../settings/setting-error.js"
import type { AskedRequest } from "./check.js"
import { parseRequestPart, type RequestPart, valuesOfPart } from "./request-part.js"

export type KeyPart = RequestPart | { readonly kind: "client_ip" }

/** Fields that tell programs apart, but not users. */
const NO_CREDENTIALS: ReadonlySet<string> = new Set([
  "accept",
  "accept-encoding",
  "accept-language",
  "host",
  "origin",
  "user-agent",
])

/** Throws `SettingError`. */
export function parseKeyPart(text: string): KeyPart {
  const part = text === "client_ip" ? ({ kind: "client_ip" } as const) : parseRequestPart(text)
  if (part !== undefined) return part
  throw new SettingError(
    `"${text}" is not a part of a request: expected "header:NAME", "cookie:NAME", "query:NAME" or "client_ip"`,
  )
}

/** Whether users differ in this part. */
export function isCredential(part: KeyPart): boolean {
  return part.kind !== "client_ip" && !(part.kind === "header" && NO_CREDENTIALS.has(part.name))
}

/**
 * Says what is wrong with a key, for a service that gets these fields of the client; undefined: nothing. A
 * credential that the service sees and the key leaves out would let one user's verdict serve another user.
 * @param sent names in lower case
 */
export function faultOfKey(key: readonly KeyPart[], sent: readonly string[]): string | undefined {
  if (!key.some(isCredential)) {
    return 'no part of it tells users apart: expected e.g. "header:Cookie", "header:Authorization"'
  }
  const has = (kind: KeyPart["kind"], name?: string) =>
    key.some((part) => part.kind === kind && (part.kind === "client_ip" || (name ?? part.name) === part.name))
  if (sent.includes("authorization") && !has("header", "authorization")) {
    return 'add "header:Authorization", or remove Authorization from request_headers: users who differ only in it would share a verdict'
  }
  if (sent.includes("cookie") && !has("header", "cookie") && !has("cookie")) {
    return 'add "header:Cookie" or "cookie:NAME", or remove Cookie from request_headers: users who differ only in it would share a verdict'
  }
  return undefined
}

/**
 * The key of a request's verdict. Scheme, host and path are always part of it. Undefined for a request
 * without any credential of the key: its verdict is not remembered.
 * @param host the host and the scheme that the service is told
 */
export function verdictKey(
  parts: readonly KeyPart[],
  { request, client }: AskedRequest,
  proto: string,
  host: string,
): string | undefined {
  let isCovered = false
  let key = `${proto}\n${host}\n${request.target.replace(/\?.*$/s, "")}`
  for (const part of parts) {
    if (part.kind === "client_ip") {
      key += `\n${client.ip}`
      continue
    }
    const values = valuesOfPart(request, part)
    if (values.length > 0 && isCredential(part)) isCovered = true
    // The lengths keep two lists of values apart that are equal when they are joined.
    key += `\n${values.length}`
    for (const value of values) key += `\n${value.length}:${value}`
  }
  // Short, and without the secrets themselves.
  return isCovered ? hash("sha256", key, "base64") : undefined
}
