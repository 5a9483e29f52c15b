/** Copies text that outlives the head that it was cut from. */

/**
 * Returns a copy that shares no memory with `text`. V8 keeps a substring of 13 or more characters as a
 * reference to the whole string, and a concatenation as references to its parts.
 */
export function detach(text: string): string {
  return Buffer.from(text, "latin1").toString("latin1")
}
