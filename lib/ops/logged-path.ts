/** Extracts the path that summaries and the log show: without query, fragment or credentials. */
import { detach } from "../http/detach.js"

/** Open tunnels keep their path in memory. */
const MAX_LENGTH = 1024
/** Beyond Latin-1, so that no path can end in it. */
const CUT_MARK = "\u2026"
/** Scheme and authority of a target in absolute-form. The authority may contain a user name and password. */
const ORIGIN = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/?#]*/

/**
 * Accepts any target that parses as HTTP, even if rws refuses it. Returns the path of origin-form and
 * absolute-form (RFC 9112 §3.2), or "*". Paths of more than 1024 characters are truncated to that length and
 * end in "…". Returns undefined for other targets, which may contain credentials anywhere.
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
