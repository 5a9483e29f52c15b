/** `log.redact`: which values of header fields and query parameters the log must not show. */
import { SettingError } from "../settings/setting-error.js"
import { isToken, trim } from "./head.js"

export const REDACTED = "[redacted]"

/** Scheme and authority of absolute-form (RFC 9112 §3.2.2), path, query, fragment. */
const TARGET = /^([A-Za-z][A-Za-z0-9+.-]*:\/\/[^/?#]*)?([^?#]*)(?:\?([^#]*))?(#.*)?$/s

/** One entry: `header:NAME` or `query:NAME`, or `*` for every name. Field names are in lower case. */
export interface RedactRule {
  readonly part: "header" | "query"
  readonly name: string
}

/** Throws `SettingError`. */
export function parseRedactRule(text: string): RedactRule {
  const [, part, name = ""] = /^(header|query):(.+)$/s.exec(text) ?? []
  if (part === "query") return { part, name }
  if (part === "header" && isToken(name)) return { part, name: name.toLowerCase() }
  throw new SettingError(
    `"${text}" is not a rule: expected "header:NAME", "query:NAME", "header:*" or "query:*"`,
  )
}

/** Fields with the value of another one in them: whoever hides that one means these too. */
const COPIES: ReadonlyMap<string, readonly string[]> = new Map([["host", ["x-forwarded-host", "forwarded"]]])

export class Redaction {
  readonly #fields: ReadonlySet<string>
  readonly #parameters: ReadonlySet<string>

  constructor(private readonly rules: readonly RedactRule[]) {
    const namesIn = (part: RedactRule["part"]) =>
      new Set(rules.filter((rule) => rule.part === part).map(({ name }) => name))
    const fields = [...namesIn("header")]
    this.#fields = new Set(fields.flatMap((name) => [name, ...(COPIES.get(name) ?? [])]))
    this.#parameters = namesIn("query")
  }

  /** One with more rules. */
  and(rules: readonly RedactRule[]): Redaction {
    return new Redaction([...this.rules, ...rules])
  }

  /** @param name in lower case */
  hidesField(name: string): boolean {
    return this.#fields.has(name) || this.#fields.has("*")
  }

  /**
   * The lines of a head without what is hidden. Only the path and the query of a target are shown.
   * @param show what is shown of the value of a field that is not hidden
   * @param hidden names of more fields to hide, in lower case
   */
  head(
    head: string,
    show: (name: string, value: string) => string,
    hidden: readonly string[] = [],
  ): string[] {
    const [startLine = "", ...lines] = head.split("\r\n").filter((line) => line !== "")
    const fields = lines.map((line) => {
      const colon = line.indexOf(":")
      const [name, value] = [line.slice(0, colon), trim(line.slice(colon + 1))]
      const key = name.toLowerCase()
      return `${name}: ${hidden.includes(key) || this.hidesField(key) ? REDACTED : show(key, value)}`
    })
    return [startLine.startsWith("HTTP/") ? startLine : this.#requestLine(startLine), ...fields]
  }

  #requestLine(line: string): string {
    const [method = "", target = "", ...rest] = line.split(" ")
    return [method, this.target(target), ...rest].join(" ")
  }

  /**
   * The target of a request, as received, without what is hidden: the values of some parameters, and always
   * a fragment and everything that may contain a password.
   */
  target(target: string): string {
    const [, origin = "", path = "", query, fragment = ""] = TARGET.exec(target) ?? []
    if (origin === "" && !/^[/*]/.test(path)) return REDACTED
    const scheme = origin.slice(0, origin.indexOf(":") + 1)
    // The authority of absolute-form is the Host again (RFC 9112 §3.2.2).
    const isHidden = origin.includes("@") || this.hidesField("host")
    const parameters = query?.split("&").map((pair) => this.#pair(pair))
    return [
      origin === "" ? "" : `${scheme}//${isHidden ? REDACTED : origin.slice(scheme.length + 2)}`,
      path,
      parameters === undefined ? "" : `?${parameters.join("&")}`,
      fragment === "" ? "" : `#${REDACTED}`,
    ].join("")
  }

  #pair(pair: string): string {
    const equals = pair.indexOf("=")
    const name = equals < 0 ? pair : pair.slice(0, equals)
    const isAll = this.#parameters.has("*")
    if (!isAll && !this.#parameters.has(decoded(name))) return pair
    // A parameter without "=" may be a secret as a whole.
    if (equals < 0) return isAll ? hidden(pair) : pair
    return `${name}=${hidden(pair.slice(equals + 1))}`
  }
}

function hidden(value: string): string {
  return value === "" ? "" : REDACTED
}

/** As servers decode the name of a parameter. */
function decoded(name: string): string {
  return [...new URLSearchParams(name).keys()][0] ?? name
}
