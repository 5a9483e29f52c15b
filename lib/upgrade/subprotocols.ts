/** Restricts the subprotocols that a backend is offered to the allowed ones (RFC 6455 §1.9). */

import { FieldEdit } from "../http/field-writer.js"
import { type Field, isToken, valuesOf } from "../http/head.js"
import { SettingError } from "../settings/setting-error.js"

export interface Offer {
  /** The subprotocols that the backend is offered, in the client's order. */
  readonly offered: readonly string[]
  /** Writes that offer into the request. */
  readonly edit: FieldEdit
}

const NAME = "Sec-WebSocket-Protocol"
const NOTHING: Offer = { offered: [], edit: FieldEdit.remove(NAME) }
/** One member of a list without the surrounding white space. */
const MEMBER = /^[ \t]*([^ \t]+)[ \t]*$/

/** Throws `SettingError` unless `name` is a valid subprotocol name (RFC 6455 §4.1). */
export function checkSubprotocol(name: string): void {
  if (!isToken(name)) {
    throw new SettingError(
      `"${name}" is not a subprotocol: expected letters, digits and !#$%&'*+-.^_\`|~ only, as in "v1.chat"`,
    )
  }
}

/** Filters the client's offer, case-sensitively. If nothing is left, the field is removed. */
export function restrictSubprotocols(fields: readonly Field[], allowed: ReadonlySet<string>): Offer {
  const offered = valuesOf(fields, "sec-websocket-protocol")
    .flatMap((value) => value.split(","))
    .map((member) => MEMBER.exec(member)?.[1] ?? "")
    .filter((member) => allowed.has(member))
  if (offered.length === 0) return NOTHING
  return { offered, edit: FieldEdit.set(NAME, offered.join(", ")) }
}
