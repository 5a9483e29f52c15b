/** The grammar of the Forwarded field (RFC 7239 §4). */

/** What one proxy says of the connection that it forwards. */
export interface ForwardedElement {
  /** Who connected to it, unquoted; absent where it does not say. */
  readonly for?: string
  /** The Host field that it got, unquoted; absent where it does not say. */
  readonly host?: string
  /** By which scheme, in lower case; absent where it does not say. */
  readonly proto?: string
}

/** A pair of an element, with the white space around it that some proxies write though the grammar has none. */
const PAIR =
  /^[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)=(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)|"((?:[^"\\]|\\.)*)")[ \t]*$/

/** The elements of one field value from left to right, unparsed, or undefined where a quoted string has no end. */
export function splitElements(value: string): string[] | undefined {
  return splitUnquoted(value, ",")?.filter((element) => !isBlank(element))
}

/** Parses one element. Returns undefined if it is malformed. */
export function parseElement(element: string): ForwardedElement | undefined {
  const parameters = new Map<string, string>()
  for (const pair of splitUnquoted(element, ";") ?? [element]) {
    if (isBlank(pair)) continue
    const [, name = "", token, quoted = ""] = PAIR.exec(pair) ?? []
    const key = name.toLowerCase()
    // RFC 7239 §4: each parameter at most once in an element.
    if (key === "" || parameters.has(key)) return undefined
    parameters.set(key, token ?? quoted.replace(/\\(.)/g, "$1"))
  }
  const node = parameters.get("for")
  const host = parameters.get("host")
  const proto = parameters.get("proto")?.toLowerCase()
  return {
    ...(node !== undefined && { for: node }),
    ...(host !== undefined && { host }),
    ...(proto !== undefined && { proto }),
  }
}

/** Splits at every separator that stands in no quoted string (RFC 9110 §5.6.4). */
function splitUnquoted(text: string, separator: string): string[] | undefined {
  const parts: string[] = []
  let start = 0
  let isQuoted = false
  for (let at = 0; at < text.length; at++) {
    const character = text[at]
    if (character === '"') isQuoted = !isQuoted
    else if (isQuoted && character === "\\") at++
    else if (!isQuoted && character === separator) {
      parts.push(text.slice(start, at))
      start = at + 1
    }
  }
  if (isQuoted) return undefined
  parts.push(text.slice(start))
  return parts
}

function isBlank(text: string): boolean {
  return /^[ \t]*$/.test(text)
}
