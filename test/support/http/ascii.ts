/** Classes of bytes, written out from the RFCs and not taken from lib, as characters of Latin-1. */

const ALPHA = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
const DIGIT = "0123456789"

/** RFC 9110 §5.6.2. */
export const TOKEN = `!#$%&'*+-.^_\`|~${DIGIT}${ALPHA}`
/** RFC 9110 §5.5: whitespace around a field value. */
export const FIELD_VCHAR = range(0x21, 0x7e) + range(0x80, 0xff)
/** Characters that no line of a head may contain. */
export const CONTROLS = range(0x00, 0x08) + range(0x0b, 0x0c) + range(0x0e, 0x1f) + range(0x7f, 0x7f)

/** The characters from code `first` to code `last`, both included. */
export function range(first: number, last: number): string {
  return Array.from({ length: last - first + 1 }, (_, index) => String.fromCharCode(first + index)).join("")
}

/** `0x0a`, for titles. */
export function hex(character: string): string {
  return `0x${character.charCodeAt(0).toString(16).padStart(2, "0")}`
}
