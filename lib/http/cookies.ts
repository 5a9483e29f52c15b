/** The cookies that a request brings (RFC 6265 §4.2.1). Clients send all sorts of things: what is odd is skipped. */
import { type Field, trim } from "./head.js"

/**
 * The values of every cookie with this name, in order. Names are told apart by case, and quotes belong to the value
 * (RFC 6265 §5.2). HTTP/1.1 has one Cookie field; several count as one all the same.
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
