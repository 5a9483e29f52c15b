/** A line of the log as pino writes it, parsed again for the formats that are not JSON. */

/** Fields by their names in the log; see the README. */
export type LoggedLine = Readonly<Record<string, unknown>>

/** Whether the line is the one that a session has at its end. */
export function endsSession({ msg }: LoggedLine): boolean {
  return msg === "session ended" || msg === "session refused"
}

/** The field as text; undefined if it is absent. */
export function textIn(line: LoggedLine, field: string): string | undefined {
  const value = line[field]
  return value === undefined ? undefined : String(value)
}

/** The field as a number; 0 if it is absent. */
export function numberIn(line: LoggedLine, field: string): number {
  const value = line[field]
  return typeof value === "number" ? value : 0
}

/**
 * Escapes what could break a line or control a terminal, as Apache does: `\"`, `\\`, and `\xhh` for each byte
 * that is not visible ASCII. Text beyond Latin-1 becomes `\uhhhh`.
 */
export function escaped(text: string): string {
  return text.replace(/[^\x20\x21\x23-\x5b\x5d-\x7e]/g, (character) => {
    const code = character.charCodeAt(0)
    if (character === '"' || character === "\\") return `\\${character}`
    return code < 256 ? `\\x${hex(code, 2)}` : `\\u${hex(code, 4)}`
  })
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, "0")
}
