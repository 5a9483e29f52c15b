/** Errors of a program's own functions may be anything, but the log must be able to print them. */

/** Returns the error if its text can be read, else another one in its place. */
export function printable(error: unknown): unknown {
  try {
    if (error instanceof Error) void `${error.name}${error.message}${error.stack}${String(error.cause)}`
    else void String(error)
    return error
  } catch {
    return new Error("the error that was thrown can't be printed")
  }
}
