/**
 * Errors of a program's own functions may be anything. The log gets a copy that is certain to be printable.
 */

const MAX_LENGTH = 10_000
const MAX_CAUSES = 3

/** Returns an error with the text of what was thrown: of its name, message, stack, code and first causes. */
export function plainError(thrown: unknown, causes = MAX_CAUSES): Error {
  if (typeof thrown !== "object" || thrown === null) return new Error(`thrown: ${String(thrown)}`)
  const copy = new Error(textOf(thrown, "message") ?? "it has no message that can be read")
  copy.name = textOf(thrown, "name") ?? "Error"
  copy.stack = textOf(thrown, "stack") ?? `${copy.name}: ${copy.message}`
  const code = textOf(thrown, "code")
  const cause = causes === 0 ? undefined : read(thrown, "cause")
  return Object.assign(
    copy,
    code !== undefined && { code },
    cause !== undefined && { cause: plainError(cause, causes - 1) },
  )
}

function textOf(thrown: object, key: string): string | undefined {
  const value = read(thrown, key)
  return typeof value === "string" ? value.slice(0, MAX_LENGTH) : undefined
}

/** A property may be a getter that throws. */
function read(thrown: object, key: string): unknown {
  try {
    return Reflect.get(thrown, key)
  } catch {
    return undefined
  }
}
