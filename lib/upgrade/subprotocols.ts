/** Which subprotocols a backend is offered, where the listener allows only some (RFC 6455 §1.9). */

import { type Field, isToken, valuesOf } from "../http/head.js"
import { SettingError } from "../settings/setting-error.js"
import type { FieldChanges } from "./rewrite-head.js"

export interface Offer {
  /** What the backend is offered, in the client's order. */
  readonly offered: readonly string[]
  /** How the request's fields change for that. */
  readonly changes: FieldChanges
}

const NAME = "sec-websocket-protocol"
const NOTHING: Offer = { offered: [], changes: new Map([[NAME, ""]]) }
/** One member of a list, without the white space around it. */
const MEMBER = /^[ \t]*([^ \t]+)[ \t]*$/

/** Throws `SettingError` for what no subprotocol can be called (RFC 6455 §4.1). */
export function checkSubprotocol(name: string): void {
  if (!isToken(name)) {
    throw new SettingError(
      `"${name}" is not a subprotocol: expected letters, digits and !#$%&'*+-.^_\`|~ only, as in "v1.chat"`,
    )
  }
}

/**
 * Keeps of the client's offer what is allowed. Case counts. Where nothing is left, or nothing was offered, the backend sees no
 * offer at all.
 */
export function restrictSubprotocols(fields: readonly Field[], allowed: ReadonlySet<string>): Offer {
  const offered = valuesOf(fields, NAME)
    .flatMap((value) => value.split(","))
    .map((member) => MEMBER.exec(member)?.[1] ?? "")
    .filter((member) => allowed.has(member))
  if (offered.length === 0) return NOTHING
  return { offered, changes: new Map([[NAME, `Sec-WebSocket-Protocol: ${offered.join(", ")}\r\n`]]) }
}
