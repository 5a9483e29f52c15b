/** Parses and formats addresses: what a listener binds and what a backend is dialled by. */

import { isIPv6 } from "node:net"
import { SettingError } from "../settings/setting-error.js"

export type Address = TcpAddress | UnixAddress

export interface TcpAddress {
  readonly kind: "tcp"
  /** A host name or an IP address; IPv6 without brackets. */
  readonly host: string
  readonly port: number
}

export interface UnixAddress {
  readonly kind: "unix"
  /** The socket's path in the file system. */
  readonly path: string
}

/** An invalid address. The message says what is expected. */
export class AddressError extends SettingError {
  override readonly name = "AddressError"
}

/**
 * The longest path that every system accepts for a Unix socket; Node silently truncates longer ones
 * (unix(7)).
 */
export const MAX_UNIX_PATH_BYTES = 103

/**
 * Parses `host:port`, `[v6]:port` or `unix:/path` for listening; port 0 = any free port. Throws
 * `AddressError`.
 */
export function parseBindAddress(text: string): Address {
  return parseAddress(text, 0, "host:port, [v6]:port or unix:/path")
}

/** Parses octal permissions of a Unix socket, e.g. "0660". Throws `AddressError`. */
export function parseSocketMode(text: string): number {
  if (!/^0?[0-7]{3}$/.test(text)) throw new AddressError(`"${text}" is not a mode: expected e.g. "0660"`)
  return Number.parseInt(text, 8)
}

/** Formats an address so that `parseBindAddress` can read it. */
export function formatAddress(address: Address): string {
  return address.kind === "unix" ? `unix:${address.path}` : formatHostPort(address.host, address.port)
}

/** Converts an address to options for `net.connect` and `server.listen`. */
export function toNetOptions(address: Address): { path: string } | { host: string; port: number } {
  return address.kind === "unix" ? { path: address.path } : { host: address.host, port: address.port }
}

/** `host:port`, with brackets around an IPv6 address (RFC 3986 §3.2.2). */
export function formatHostPort(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`
}

/** Whether text is a valid Host field value, `host[:port]` (RFC 9112 §3.2, RFC 3986 §3.2.2). */
export function isHostField(text: string): boolean {
  const match = HOST_FIELD.exec(text)
  if (match === null) return false
  const [, v6, port = "0"] = match
  return (v6 === undefined || isIPv6(v6)) && Number(port) <= 65535
}

const HOST_FIELD = /^(?:\[([0-9A-Fa-f:.]+)\]|(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+)(?::(\d+))?$/

/**
 * Parses `host:port`, `[v6]:port` or `unix:/path`. Throws `AddressError`.
 * @param expected the accepted forms, for the error
 * @param written what the user wrote, if `text` is only a part of it
 */
export function parseAddress(text: string, lowestPort: number, expected: string, written = text): Address {
  if (text.startsWith("unix:")) {
    const path = text.slice("unix:".length)
    if (!path.startsWith("/") || path.includes("\0")) {
      throw new AddressError(`"${text}" must name an absolute path, as in unix:/run/rws.sock`)
    }
    if (Buffer.byteLength(path) > MAX_UNIX_PATH_BYTES) {
      throw new AddressError(`"${text}" has a path of more than ${MAX_UNIX_PATH_BYTES} bytes`)
    }
    return { kind: "unix", path }
  }
  return parseTcp(text, lowestPort, expected, written)
}

/** `written` is for the error only. */
function parseTcp(text: string, lowestPort: number, expected: string, written: string): Address {
  const [, v6, name, port] = /^(?:\[([^\]]*)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/.exec(text) ?? []
  const host = v6 ?? name
  if (host === undefined || (v6 !== undefined && !isIPv6(v6))) {
    throw new AddressError(`"${written}" is not an address: expected ${expected}`)
  }
  if (Number(port) < lowestPort || Number(port) > 65535) {
    throw new AddressError(`"${written}": port ${port} is out of range (${lowestPort}–65535)`)
  }
  return { kind: "tcp", host, port: Number(port) }
}
