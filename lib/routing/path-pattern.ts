/**
 * Path patterns of routes. Patterns match the path as normalized by RFC 3986 §6.2.2: only unreserved
 * characters are decoded, so an encoded slash never ends a segment.
 */
import { createRequire } from "node:module"
import { SettingError } from "../settings/setting-error.js"
import { isDotSegmented } from "../upgrade/dot-segments.js"

export interface PathPattern {
  /** Whether the pattern matches a path that `normalizePath` has normalized. */
  readonly matches: (path: string) => boolean
  /** Number of segments of a prefix. Undefined for patterns that match whole paths. */
  readonly prefixSegments: number | undefined
}

/**
 * Parses a pattern. Throws `SettingError`.
 * - `/prefix`: this path and all paths below it; `/prefix/`: only paths below it; `/`: all paths
 * - `=/exact`: only this path
 * - `~regex`: matches the whole path, in RE2 syntax, which runs in linear time. Escapes have upper-case hex
 *   digits
 */
export function parsePathPattern(text: string): PathPattern {
  if (text.startsWith("~")) return { matches: toRegexMatch(text.slice(1)), prefixSegments: undefined }
  const isExact = text.startsWith("=")
  const written = isExact ? text.slice(1) : text
  if (!isPlainPath(written)) {
    throw new SettingError(
      `"${text}" is not a path pattern: expected /prefix, =/exact or ~regex, in encoded form, without query and dot segments`,
    )
  }
  const path = normalizePath(written)
  if (isExact) return { matches: (other) => other === path, prefixSegments: undefined }
  const prefixSegments = path.replace(/\/$/, "").split("/").length - 1
  if (path.endsWith("/")) return { matches: (other) => other.startsWith(path), prefixSegments }
  const below = `${path}/`
  return { matches: (other) => other === path || other.startsWith(below), prefixSegments }
}

/**
 * Decodes unreserved characters and writes other escapes in upper case (RFC 3986 §6.2.2). For comparison
 * only.
 */
export function normalizePath(path: string): string {
  return path.includes("%") ? path.replace(/%[0-9A-Fa-f]{2}/g, normalizeEscape) : path
}

/** Whether text is a valid request path that every server interprets in the same way. */
export function isPlainPath(text: string): boolean {
  return /^\/(?!\/)[\x21-\x7e]*$/.test(text) && !/[?#\\]/.test(text) && !isDotSegmented(text)
}

function normalizeEscape(triplet: string): string {
  const character = String.fromCharCode(Number.parseInt(triplet.slice(1), 16))
  return /[A-Za-z0-9._~-]/.test(character) ? character : triplet.toUpperCase()
}

/** Syntax that other engines support and a linear-time engine cannot, by its first characters. */
const UNSUPPORTED: readonly (readonly [beginning: RegExp, name: string])[] = [
  [/^\(\?<?[=!]/, "lookahead and lookbehind are"],
  [/^\\(?:[1-9]|k)/, "a back-reference is"],
  [/^\(\?>/, "an atomic group is"],
]

function toRegexMatch(regex: string): (path: string) => boolean {
  // Imported lazily, only for routes with a regex: the engine takes 1.5 MB of heap.
  const require = createRequire(import.meta.url)
  const { RE2JS, RE2JSSyntaxException }: typeof import("re2js") = require("re2js")
  if (regex === "")
    throw new SettingError('"~" is not a path pattern: expected a regular expression after the ~')
  try {
    const compiled = RE2JS.compile(regex)
    return (path) => compiled.testExact(path)
  } catch (error) {
    if (!(error instanceof RE2JSSyntaxException)) throw error
    const { error: fault, input } = error
    const unsupported = UNSUPPORTED.find(([beginning]) => beginning.test(input ?? ""))?.[1]
    const place = input === null ? "" : ` at ${input}`
    throw new SettingError(
      `"~${regex}" is not a path pattern: ${unsupported === undefined ? fault : `${unsupported} not supported`}${place}; expected RE2 syntax`,
    )
  }
}
