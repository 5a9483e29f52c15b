/** Parses TOML, and reports every syntax error that is independent of the others. */
import { parse, TomlError } from "smol-toml"
import { ConfigError, type ConfigProblem } from "./problem.js"

/** The smallest configuration that works. */
export const FIRST_CONFIGURATION = `A first configuration:
[[ws_proxy]]
bind = "127.0.0.1:8080"
backends = ["127.0.0.1:9000"]`

const REST_LATER = "Keys and values are checked once the file is valid TOML."

/** Syntax errors that are reported at most. */
const MAX_PROBLEMS = 20

/** @throws {ConfigError} */
export function parseToml(toml: string, source: string): unknown {
  const lines = toml.split("\n")
  const problems: ConfigProblem[] = []
  for (;;) {
    try {
      const table = parse(lines.join("\n"))
      if (problems.length === 0) return table
      break
    } catch (error) {
      if (!(error instanceof TomlError)) throw error
      const { line } = error
      const format = problems.length === 0 ? otherFormat(toml) : undefined
      if (format !== undefined) {
        const message = `not valid TOML: this looks like ${format}, and rws reads TOML`
        throw new ConfigError(source, [{ path: [], message, line }], [FIRST_CONFIGURATION])
      }
      problems.push({ path: [], message: messageOf(error), line })
      if (problems.length === MAX_PROBLEMS || !isWholeSetting(lines[line - 1] ?? "")) break
      // No other line depends on this one, so what fails next is an error of its own.
      lines[line - 1] = ""
    }
  }
  throw new ConfigError(source, problems, [REST_LATER])
}

function messageOf({ message }: TomlError): string {
  return `not valid TOML: ${message.replace(/^Invalid TOML document: /, "").trimEnd()}`
}

/** Whether a line holds a key with its whole value, so that it can be left out. */
function isWholeSetting(line: string): boolean {
  const [, value] = /^\s*[\w."'-]+\s*=(.*)$/.exec(line) ?? []
  if (value === undefined || /"""|'''/.test(value)) return false
  return count(value, /[[{]/g) === count(value, /[\]}]/g)
}

function count(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0
}

/** Guesses another format from the first line that is no comment. */
function otherFormat(text: string): string | undefined {
  const first = text.split("\n").find((line) => !/^\s*(?:#|$)/.test(line)) ?? ""
  if (/^\s*\{/.test(first)) return "JSON"
  if (/^(?:---|- |[\w-]+:(?:\s|$))/.test(first)) return "YAML"
  if (/^[^=[\]#]*\{\s*(?:#|$)/.test(first)) return "the configuration of nginx or Caddy"
  return undefined
}
