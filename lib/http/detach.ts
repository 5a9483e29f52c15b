/** Copies text that outlives the head that it was cut from. */

/**
 * From this length on V8 keeps a substring as a reference to the whole string, a concatenation to its parts.
 */
const MIN_REFERENCE = 13

/** Returns a text that shares no memory with what `text` was cut from. */
export function detach(text: string): string {
  return text.length < MIN_REFERENCE ? text : Buffer.from(text, "latin1").toString("latin1")
}
