/** `request_headers` and `response_headers`: fields that the configuration sets or removes. */
import { FieldEdit } from "../http/field-writer.js"
import { isToken } from "../http/head.js"
import { isHopByHop, isNeverHopByHop } from "../http/hop-by-hop.js"
import { SettingError } from "../settings/setting-error.js"

export interface FieldRules {
  /** Values by field name. Each replaces all fields of that name. */
  readonly set?: Readonly<Record<string, string>> | undefined
  /** Names of fields to remove. */
  readonly remove?: readonly string[] | undefined
}

/**
 * Checks the rules and returns their edits. Fields of the handshake itself and hop-by-hop fields are refused:
 * editing them would break the upgrade or mislead the next server. Throws `SettingError`.
 */
export function toFieldEdits({ set = {}, remove = [] }: FieldRules): readonly FieldEdit[] {
  const edits = new Map<string, FieldEdit>()
  for (const [name, value] of Object.entries(set)) {
    checkEditableName(name)
    checkFieldValue(name, value)
    const edit = FieldEdit.set(name, value)
    if (edits.has(edit.key))
      throw new SettingError(`"${name}" is set twice: field names are case-insensitive`)
    edits.set(edit.key, edit)
  }
  for (const name of remove) {
    checkEditableName(name)
    const edit = FieldEdit.remove(name)
    if (edits.get(edit.key)?.action === "set") {
      throw new SettingError(`"${name}" is both set and removed: expected one of the two`)
    }
    edits.set(edit.key, edit)
  }
  return [...edits.values()]
}

/** Throws `SettingError` unless `name` is a valid field name (RFC 9110 §5.1). */
export function checkFieldName(name: string): void {
  if (!isToken(name)) {
    throw new SettingError(
      `"${name}" is not a field name: expected letters, digits and !#$%&'*+-.^_\`|~ only`,
    )
  }
}

/** Throws `SettingError` unless `value` is a valid value of one field line (RFC 9110 §5.5). */
export function checkFieldValue(name: string, value: string): void {
  if (!/^[\t\x20-\x7e\xa0-\xff]*$/.test(value)) {
    throw new SettingError(
      `the value of "${name}" contains a control character or one beyond Latin-1: expected one line of plain text`,
    )
  }
}

function checkEditableName(name: string): void {
  checkFieldName(name)
  const key = name.toLowerCase()
  if (isHopByHop(key, []) || isNeverHopByHop(key)) {
    throw new SettingError(`"${name}" can't be changed: it belongs to the handshake or to one connection`)
  }
}
