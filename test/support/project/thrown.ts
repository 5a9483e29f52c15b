/**
 * The error that a call throws, or undefined. (tap's `throws` compares the error's `name` with the class,
 * which our errors need not set.)
 */
export function thrownBy(call: () => unknown): unknown {
  try {
    call()
  } catch (error) {
    return error
  }
  return undefined
}

/** The same for a call that may be asynchronous. */
export async function rejectionOf(call: () => unknown): Promise<unknown> {
  try {
    await call()
  } catch (error) {
    return error
  }
  return undefined
}
