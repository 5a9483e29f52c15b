/** Dot segments in paths (RFC 3986 §3.3), as any server may read them. */
import { SessionEnd } from "../close-reason.js"

/**
 * Whether any server could read a segment as "." or "..": plain or encoded, delimited by "/" or "\" in plain
 * or encoded form, with or without parameters (";x"). Such a path may resolve to a place that its route does
 * not cover.
 */
export function isDotSegmented(path: string): boolean {
  return /(?:[/\\]|%2f|%5c)(?:\.|%2e){1,2}(?:$|[/\\;]|%2f|%5c|%3b)/i.test(path)
}

/** Throws `SessionEnd("bad_target")` for a request target with dot segments in its path. */
export function refuseDotSegments(target: string): void {
  if (isDotSegmented(target.replace(/\?.*$/, ""))) {
    throw new SessionEnd("bad_target", "its path holds dot segments")
  }
}
