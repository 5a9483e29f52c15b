/**
 * The error that a call throws, or undefined. (tap's `throws` judges a class by the error's `name`, which
 * ours need not set.)
 */
export function thrownBy(call: () => unknown): unknown {
  try {
    call()
  } catch (error) {
    return error
  }
  return undefined
}

/** The same of a call that may be asynchronous. */
export async function rejectionOf(call: () => unknown): Promise<unknown> {
  try {
    await call()
  } catch (error) {
    return error
  }
  return undefined
}
