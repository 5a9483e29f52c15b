/** Host patterns of routes and origins: one name, or all names below one. */

import { SettingError } from "../settings/setting-error.js"
import { isHostField } from "./address.js"

/** Whether the pattern matches a host in the form of `hostName`. */
export type HostPattern = (name: string) => boolean

const NAME = /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?$/

/** Parses `name`, `*.name` (one or more labels before it) or `[v6]`. Throws `SettingError`. */
export function parseHostPattern(text: string): HostPattern {
  const isBelow = text.startsWith("*.")
  const host = isBelow ? text.slice(2) : text
  const isV6 = /^\[.*\]$/.test(text) && isHostField(text)
  if (!isV6 && !NAME.test(host)) {
    throw new SettingError(
      `"${text}" is not a host: expected a name, *.name or [v6], with no port and in ASCII (xn--…)`,
    )
  }
  const name = hostName(host)
  if (!isBelow) return (other) => other === name
  const end = `.${name}`
  return (other) => other.length > end.length && other.endsWith(end)
}

/**
 * Returns the name in a valid Host field, normalized for comparison: lower case (RFC 9110 §4.2.3), without
 * port and trailing dot; an IPv6 address in brackets and in its shortest form (RFC 5952).
 */
export function hostName(host: string): string {
  if (host.startsWith("[")) return new URL(`http://${host}`).hostname
  const colon = host.indexOf(":")
  const name = colon < 0 ? host : host.slice(0, colon)
  return (name.endsWith(".") ? name.slice(0, -1) : name).toLowerCase()
}
