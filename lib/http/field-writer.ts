/** Writes heads: the only place where a start line or a field line is put together from parts. */
import { SessionEnd } from "../close-reason.js"
import { lowerCaseName } from "./field-names.js"
import type { Field } from "./head.js"

/**
 * One change to the fields of a head. Names match in any case. Of several edits of one name, the last "set"
 * or "remove" wins.
 *
 * - `set`: one line replaces all fields of that name, at the place of the first or else at the end
 * - `remove`: drops all fields of that name
 * - `append`: adds a line after the one that an earlier edit has set, or at the end
 */
export class FieldEdit {
  /** The name in lower case, as in `Field.name`. */
  readonly key: string
  /** Formatted once, so that edits from the configuration cost nothing per session. Empty for "remove". */
  readonly line: string

  private constructor(
    readonly action: "set" | "remove" | "append",
    readonly name: string,
    readonly value: string,
  ) {
    this.key = lowerCaseName(name)
    this.line = action === "remove" ? "" : `${safe(name)}: ${safe(value)}\r\n`
  }

  static set(name: string, value: string): FieldEdit {
    return new FieldEdit("set", name, value)
  }

  static remove(name: string): FieldEdit {
    return new FieldEdit("remove", name, "")
  }

  static append(name: string, value: string): FieldEdit {
    return new FieldEdit("append", name, value)
  }
}

/**
 * Writes a complete head, blank line included.
 * @param edits applied in their order
 * @param isDropped whether fields of this lower-case name are left out unless an edit sets them
 */
export function writeHead(
  startLine: string,
  fields: readonly Field[],
  edits: readonly FieldEdit[],
  isDropped: (name: string) => boolean = () => false,
): string {
  // For each name, at the place of its first edit, the lines that replace its fields. A head has few edits,
  // so looking through them costs less than a Map.
  const lines = new Array<string | undefined>(edits.length)
  let atEnd = ""
  for (const { action, key, line } of edits) {
    const at = indexOf(edits, key)
    const setLine = action === "append" ? lines[at] : undefined
    if (setLine) lines[at] = setLine + line
    else if (action === "append") atEnd += line
    else lines[at] = line
  }
  let text = `${safe(startLine)}\r\n`
  for (const { name, line } of fields) {
    const at = indexOf(edits, name)
    const edited = at < 0 ? undefined : lines[at]
    if (edited === undefined) {
      if (!isDropped(name)) text += line
    } else {
      text += edited
      lines[at] = ""
    }
  }
  for (const line of lines) text += line ?? ""
  return `${text}${atEnd}\r\n`
}

/** The index of the first edit of this lower-case name, or -1. */
function indexOf(edits: readonly FieldEdit[], name: string): number {
  for (let at = 0; at < edits.length; at++) if (edits[at]?.key === name) return at
  return -1
}

/**
 * Returns `text` if it fits into one line. What comes from a peer or from the configuration has been checked
 * where it was parsed, so anything else is a defect of rws. Text beyond Latin-1 is refused because writing it
 * as Latin-1 keeps only the low byte of each character, and U+010D would become a CR.
 */
function safe(text: string): string {
  if (!/[\0\r\n\u0100-\uffff]/.test(text)) return text
  throw new SessionEnd("internal_error", "a head line would contain CR, LF, NUL or text beyond Latin-1")
}
