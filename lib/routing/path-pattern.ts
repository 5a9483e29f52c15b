/**
 * Paths as routes name them. What is matched is the path as RFC 3986 §6.2.2 reads it: letters that were needlessly
 * encoded count as themselves, and nothing else is decoded, so that an encoded slash never ends a segment.
 */

import { createRequire } from "node:module"
import { SettingError } from "../settings/setting-error.js"

export interface PathPattern {
  /** Whether a path is meant, given as `normalizePath` writes it. */
  readonly matches: (path: string) => boolean
  /** How many segments a prefix has. Undefined for a pattern that means whole paths. */
  readonly prefixSegments: number | undefined
}

/**
 * Parses a pattern. Throws `SettingError`.
 * - `/prefix`: this path and all that are below it; `/prefix/`: only those below it; `/`: all
 * - `=/exact`: this path only
 * - `~regex`: the whole path, in RE2's syntax, in which no pattern can take more than linear time. What stays encoded has its
 *   hex digits in upper case
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

/** Decodes the unreserved characters and writes the other escapes in upper case (RFC 3986 §6.2.2). For comparing only. */
export function normalizePath(path: string): string {
  return path.includes("%") ? path.replace(/%[0-9A-Fa-f]{2}/g, normalizeEscape) : path
}

/**
 * Whether some reader could take a segment for "." or "..": plain or encoded, cut by "/" or "\" or by either of them
 * encoded, with parameters (";x") or not. Such a path may mean another place than the one that a route was found for.
 */
export function isDotSegmented(path: string): boolean {
  return /(?:[/\\]|%2f|%5c)(?:\.|%2e){1,2}(?:$|[/\\;]|%2f|%5c|%3b)/i.test(path)
}

/** Whether text can stand for a path in a route: one that a request may have and that everybody reads in the same way. */
export function isPlainPath(text: string): boolean {
  return /^\/(?!\/)[\x21-\x7e]*$/.test(text) && !/[?#\\]/.test(text) && !isDotSegmented(text)
}

function normalizeEscape(triplet: string): string {
  const character = String.fromCharCode(Number.parseInt(triplet.slice(1), 16))
  return /[A-Za-z0-9._~-]/.test(character) ? character : triplet.toUpperCase()
}

/** What other engines have and one of linear time has not, by how it begins. */
const UNSUPPORTED: readonly (readonly [beginning: RegExp, name: string])[] = [
  [/^\(\?<?[=!]/, "lookahead and lookbehind are"],
  [/^\\(?:[1-9]|k)/, "a back-reference is"],
  [/^\(\?>/, "an atomic group is"],
]

function toRegexMatch(regex: string): (path: string) => boolean {
  // Loaded only for a route that needs it: the engine takes 1.5 MB of heap.
  const require = createRequire(import.meta.url)
  const { RE2JS, RE2JSSyntaxException }: typeof import("re2js") = require("re2js")
  if (regex === "")
    throw new SettingError('"~" is not a path pattern: expected a regular expression behind the ~')
  try {
    const compiled = RE2JS.compile(regex)
    return (path) => compiled.testExact(path)
  } catch (error) {
    if (!(error instanceof RE2JSSyntaxException)) throw error
    const { error: fault, input } = error
    const unsupported = UNSUPPORTED.find(([beginning]) => beginning.test(input ?? ""))?.[1]
    const place = input === null ? "" : ` at ${input}`
    throw new SettingError(
      `"~${regex}" is not a path pattern: ${unsupported === undefined ? fault : `${unsupported} not supported`}${place}; expected RE2's syntax`,
    )
  }
}
