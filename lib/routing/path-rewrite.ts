/** The path that a backend is asked for, where a route changes it. */
import { SettingError } from "../settings/setting-error.js"
import { isPlainPath, type PathPattern } from "./path-pattern.js"

export interface PathChange {
  /** Takes the prefix off that the route's path names. */
  readonly strip_prefix?: boolean | undefined
  /** Stands in for that prefix, or for the whole path where the route's path is exact or a regex. */
  readonly rewrite?: string | undefined
}

/**
 * Makes the rewriting of a path (without its query) that `pattern` matches; a route without a path has the prefix "/". All that
 * is not replaced keeps the client's bytes. Undefined where nothing changes.
 * @throws {SettingError} for a change that does not fit the pattern, or a `rewrite` that is no path
 */
export function toPathRewrite(
  pattern: PathPattern | undefined,
  { strip_prefix = false, rewrite }: PathChange,
): ((path: string) => string) | undefined {
  if (strip_prefix && rewrite !== undefined) {
    throw new SettingError("strip_prefix and rewrite exclude each other: expected one of the two")
  }
  if (strip_prefix && pattern?.prefixSegments === undefined) {
    throw new SettingError('strip_prefix needs a path that is a prefix, as in "/chat"')
  }
  if (rewrite !== undefined && !isPlainPath(rewrite)) {
    throw new SettingError(
      `"${rewrite}" is not a path: expected one such as "/new", in encoded form, without query and dot segments`,
    )
  }
  const replacement = strip_prefix ? "/" : rewrite
  if (replacement === undefined) return undefined
  const segments = pattern === undefined ? 0 : pattern.prefixSegments
  if (segments === undefined) return () => replacement
  const base = replacement.replace(/\/$/, "")
  return (path) => {
    const rest = behind(path, segments)
    // What begins with two slashes would be read as the name of a host (RFC 3986 §4.2), and some take "\" for one.
    return rest === "" ? replacement : `${base}${rest}`.replace(/^[/\\]{2,}/, "/")
  }
}

/** What follows the first segments of a path: "" or what begins with a slash. */
function behind(path: string, segments: number): string {
  let slash = 0
  for (let passed = 0; passed < segments && slash >= 0; passed++) slash = path.indexOf("/", slash + 1)
  return slash < 0 ? "" : path.slice(slash)
}
