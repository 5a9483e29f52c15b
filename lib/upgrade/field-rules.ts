/** Fields that a user sets or takes off, in the request that a backend gets or in the 101 that a client gets. */
import { isToken } from "../http/head.js"
import { SettingError } from "../settings/setting-error.js"
import { type FieldChanges, HOP_BY_HOP } from "./rewrite-head.js"
import { isNeverHopByHop } from "./upgrade-request.js"

export interface FieldRules {
  /** Values by field name. Each stands in for all fields of that name. */
  readonly set?: Readonly<Record<string, string>> | undefined
  /** Names of fields that are taken off. */
  readonly remove?: readonly string[] | undefined
}

/**
 * Checks the rules and writes their lines. The fields of the handshake itself, and those that belong to one connection, are
 * refused: changing them breaks the upgrade or tells the next server something untrue. Throws `SettingError`.
 */
export function toFieldChanges({ set = {}, remove = [] }: FieldRules): FieldChanges {
  const changes = new Map<string, string>()
  for (const [name, value] of Object.entries(set)) {
    const key = changeableName(name)
    if (changes.has(key)) throw new SettingError(`"${name}" is set twice; the case of a name does not count`)
    checkFieldValue(name, value)
    changes.set(key, `${name}: ${value}\r\n`)
  }
  for (const name of remove) {
    const key = changeableName(name)
    if (changes.get(key)) throw new SettingError(`"${name}" is both set and removed: expected one of the two`)
    changes.set(key, "")
  }
  return changes
}

/** Throws `SettingError` for what no field can be called (RFC 9110 §5.1). */
export function checkFieldName(name: string): void {
  if (!isToken(name)) {
    throw new SettingError(
      `"${name}" is not a field name: expected letters, digits and !#$%&'*+-.^_\`|~ only`,
    )
  }
}

/** Throws `SettingError` for what can't stand in one field line (RFC 9110 §5.5). */
export function checkFieldValue(name: string, value: string): void {
  if (!/^[\t\x20-\x7e\xa0-\xff]*$/.test(value)) {
    throw new SettingError(
      `the value of "${name}" holds a control character or one that is not in Latin-1: expected one line of plain text`,
    )
  }
}

/** The name in lower case. */
function changeableName(name: string): string {
  checkFieldName(name)
  const key = name.toLowerCase()
  if (HOP_BY_HOP.has(key) || isNeverHopByHop(key)) {
    throw new SettingError(`"${name}" can't be changed: it belongs to the handshake or to one connection`)
  }
  return key
}
