/** `strip_prefix` and `rewrite`: how a route changes the path of a request. */
import { SettingError } from "../settings/setting-error.js"
import { isPlainPath, type PathPattern } from "./path-pattern.js"

export interface PathChange {
  /** Whether to remove the prefix that the route matches. */
  readonly strip_prefix?: boolean | undefined
  /** Replaces that prefix, or the whole path if the route's path is exact or a regex. */
  readonly rewrite?: string | undefined
}

/**
 * Returns a function that rewrites a path (without its query) that `pattern` matches, or undefined if nothing
 * changes. A route without a path has the prefix "/". Everything that is not replaced keeps the client's
 * bytes.
 * @throws {SettingError} if the change does not fit the pattern, or `rewrite` is not a path
 */
export function toPathRewrite(
  pattern: PathPattern | undefined,
  { strip_prefix = false, rewrite }: PathChange,
): ((path: string) => string) | undefined {
  if (strip_prefix && rewrite !== undefined) {
    throw new SettingError("strip_prefix cannot be combined with rewrite: expected one of the two")
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
    const rest = afterSegments(path, segments)
    // A leading "//" would be parsed as a host name (RFC 3986 §4.2), and some servers treat "\" like "/".
    return rest === "" ? replacement : `${base}${rest}`.replace(/^[/\\]{2,}/, "/")
  }
}

/** Returns what follows the first segments of a path: "" or text that starts with a slash. */
function afterSegments(path: string, segments: number): string {
  let slash = 0
  for (let passed = 0; passed < segments && slash >= 0; passed++) slash = path.indexOf("/", slash + 1)
  return slash < 0 ? "" : path.slice(slash)
}
