/** Parses the Forwarded field (RFC 7239 §4). */

/** What one proxy reports about the connection that it forwards. */
export interface ForwardedElement {
  /** The address of its peer, unquoted. */
  readonly for?: string
  /** The Host field that it received, unquoted. */
  readonly host?: string
  /** The scheme of the request, in lower case. */
  readonly proto?: string
}

/** One `name=value` pair. Some proxies write white space around it, although the grammar has none. */
const PAIR =
  /^[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)=(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)|"((?:[^"\\]|\\.)*)")[ \t]*$/

/** Returns the unparsed elements of one value, or undefined if it contains an unterminated quoted string. */
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

/** Splits at each separator outside quoted strings (RFC 9110 §5.6.4). */
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
