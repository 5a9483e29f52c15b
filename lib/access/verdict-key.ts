/** Which requests get the same verdict: those about which the service is asked the same. */
import { hash } from "node:crypto"
import type { Field } from "../http/head.js"

/** Remembered keys must not fill memory with the longest heads. Hashing costs 1 % of a handshake. */
const MAX_LENGTH = 2048

/** Fields that tell programs apart, but not users. */
const NO_CREDENTIALS: ReadonlySet<string> = new Set([
  "accept",
  "accept-encoding",
  "accept-language",
  "origin",
  "user-agent",
])

/**
 * The key of a request's verdict: all that the service is told about it, since a verdict that went by
 * anything else would serve a request that the service refuses. No value contains NUL, which keeps them
 * apart.
 * @param question names and values in turn, without those that differ in each request
 */
export function verdictKey(question: readonly string[]): string {
  const key = question.join("\0")
  return key.length > MAX_LENGTH ? hash("sha256", key, "base64") : key
}

/**
 * Whether users may differ in what the service gets of these fields. A verdict about a stranger is not
 * remembered: it may be about a ticket in the query that is good for one time.
 * @param sent names of the fields that the service gets, in lower case
 */
export function hasCredentials(fields: readonly Field[], sent: ReadonlySet<string>): boolean {
  return fields.some(({ name }) => sent.has(name) && !NO_CREDENTIALS.has(name))
}
