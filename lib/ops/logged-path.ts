/** The path of a request target as summaries and the log show it: no query, no fragment, no password. */
import { detach } from "../http/detach.js"

/** An open tunnel keeps its path in memory. */
const MAX_LENGTH = 1024
/** Not in Latin-1, so no path ends in it by itself. */
const CUT_MARK = "\u2026"
/** Scheme and authority, which may hold a user name and password, of a target in absolute-form. */
const ORIGIN = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/?#]*/

/**
 * Takes any target that parses as HTTP, valid for us or not. Returns the path of origin-form and
 * absolute-form (RFC 9112 §3.2), or "*"; a path of more than 1024 characters is cut to that length, with "…"
 * as its last character. Returns undefined for any other target, since a user name and password could be
 * anywhere in it.
 */
export function loggedPath(target: string): string | undefined {
  const [origin = ""] = ORIGIN.exec(target) ?? []
  const behind = target.slice(origin.length)
  const end = behind.search(/[?#]/)
  const path = end < 0 ? behind : behind.slice(0, end)
  if (path === "" && origin !== "") return "/"
  if (!path.startsWith("/") && path !== "*") return undefined
  return path.length > MAX_LENGTH ? detach(path.slice(0, MAX_LENGTH - 1)) + CUT_MARK : detach(path)
}
