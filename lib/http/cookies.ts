/** Reads cookies from a request (RFC 6265 §4.2.1). Malformed pairs are skipped. */
import { type Field, trim } from "./head.js"

/**
 * Returns the values of all cookies with this name, in order. Names are case-sensitive and quotes are part of
 * the value (RFC 6265 §5.2). HTTP/1.1 allows only one Cookie field; several are read like one.
 */
export function cookiesOf(fields: readonly Field[], name: string): string[] {
  const values: string[] = []
  for (const field of fields) {
    if (field.name !== "cookie") continue
    for (const pair of field.value.split(";")) {
      const equals = pair.indexOf("=")
      if (equals >= 0 && trim(pair.slice(0, equals)) === name) values.push(trim(pair.slice(equals + 1)))
    }
  }
  return values
}
