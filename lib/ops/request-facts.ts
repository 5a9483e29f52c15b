/** The request's fields in summaries and the log, besides its path. Open tunnels keep them in memory. */
import { type Field, trim } from "../http/head.js"
import { TextCache } from "../http/text-cache.js"
import type { SessionSummary } from "./session-summary.js"

const MAX_LENGTH = 256
/**
 * No registered subprotocol has a longer name. A longer one is probably a token, which must not be logged.
 */
const MAX_SUBPROTOCOL = 40
const SHOWN_OF_TOKEN = 8
/** Beyond Latin-1, so that no field can end in it. */
const CUT_MARK = "\u2026"

/** Most requests of a listener have the same few values. */
const texts = new TextCache(1000)

/** Notes Host, Origin and User-Agent, also of refused requests. The first field of each name counts. */
export function noteFields(summary: SessionSummary, fields: readonly Field[]): void {
  for (const { name, value } of fields) {
    if (name === "host") summary.host ??= shown(withoutUserinfo(value), MAX_LENGTH)
    else if (name === "origin") summary.origin ??= shown(withoutUserinfo(value), MAX_LENGTH)
    else if (name === "user-agent") summary.userAgent ??= shown(value, MAX_LENGTH)
  }
}

/** Notes the subprotocol that the backend has chosen, if any. */
export function noteSubprotocol(summary: SessionSummary, fields: readonly Field[]): void {
  const field = fields.find(({ name }) => name === "sec-websocket-protocol")
  if (field !== undefined) summary.subprotocol = shownSubprotocol(field.value)
}

/**
 * A field's value for the log of heads: offered subprotocols without tokens, Host and Origin without a
 * password. @param name in lower case
 */
export function shownField(name: string, value: string): string {
  if (name === "host" || name === "origin") return withoutUserinfo(value)
  if (name !== "sec-websocket-protocol") return value
  return value
    .split(",")
    .map((member) => shownSubprotocol(trim(member)))
    .join(", ")
}

/** Neither field may have a userinfo, which often is a password (RFC 6454 §7.1, RFC 9110 §7.2). */
function withoutUserinfo(value: string): string {
  return value.includes("@") ? value.replace(/(^|\/\/)[^/?#\s]*@/g, "$1") : value
}

/** A subprotocol without the part that may be a token. */
function shownSubprotocol(name: string): string {
  return name.length > MAX_SUBPROTOCOL ? shown(name, SHOWN_OF_TOKEN + 1) : texts.keep(name)
}

function shown(text: string, maxLength: number): string {
  return text.length > maxLength ? texts.keep(text.slice(0, maxLength - 1)) + CUT_MARK : texts.keep(text)
}
