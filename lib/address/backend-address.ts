/** Where a backend is: an address, whether TLS is spoken there, and the path under which it lives. */
import { type Address, AddressError, formatHostPort, parseAddress } from "./address.js"

export interface BackendAddress {
  readonly address: Address
  readonly isTls: boolean
  /** What is put before the path of each request: "" or, say, "/base". It never ends with a slash. */
  readonly basePath: string
}

const EXPECTED = "host:port, [v6]:port, ws://host[:port][/path], wss://host[:port][/path] or unix:/path"
const URL_FORM = /^(ws|wss|http|https):\/\/([^/?#]*)([^?#]*)$/i
/** Segments of a path (RFC 3986 §3.3), of which only the last may be empty. */
const PATH = /^(?:\/(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})+)*\/?$/
const DOT_SEGMENT = /\/(?:\.|%2e){1,2}(?:\/|$)/i
const DEFAULT_PORT = { ws: 80, wss: 443 }

/**
 * Parses `host:port`, `[v6]:port`, `unix:/path`, or a URL `ws://host[:port][/path]` or `wss://…`. `http` is the same
 * as `ws` and `https` as `wss` (RFC 6455 §3); the port is 80 or 443 where none is given. Throws `AddressError`.
 */
export function parseBackendAddress(text: string): BackendAddress {
  const [, scheme, authority = "", path = ""] = URL_FORM.exec(text) ?? []
  if (scheme === undefined) return { address: parseAddress(text, 1, EXPECTED), isTls: false, basePath: "" }
  const isTls = /^(?:wss|https)$/i.test(scheme)
  const port = isTls ? DEFAULT_PORT.wss : DEFAULT_PORT.ws
  // In a URL the "%" before the zone of a link-local address is written "%25" (RFC 6874 §2).
  const host = authority.replace("%25", "%")
  const hostPort = /:\d+$/.test(host) ? host : `${host}:${port}`
  // A host of that name would be read as the path of a Unix socket.
  if (hostPort.startsWith("unix:"))
    throw new AddressError(`"${text}" is not an address: expected ${EXPECTED}`)
  const address = parseAddress(hostPort, 1, EXPECTED, text)
  if (!PATH.test(path) || DOT_SEGMENT.test(path)) {
    throw new AddressError(`"${text}" has a path that no request can begin with: expected one such as /base`)
  }
  return { address, isTls, basePath: path.replace(/\/$/, "") }
}

/**
 * The Host that names a backend (RFC 9110 §7.2), without its port where that is the scheme's own. A backend on a Unix
 * socket has no name: "localhost".
 */
export function hostOf({ address, isTls }: BackendAddress): string {
  if (address.kind === "unix") return "localhost"
  // The zone of a link-local address is this machine's own business and no part of a Host (RFC 6874 §1).
  const host = address.host.replace(/%.*$/, "")
  const written = formatHostPort(host, address.port)
  const defaultPort = isTls ? DEFAULT_PORT.wss : DEFAULT_PORT.ws
  return address.port === defaultPort ? written.slice(0, -`:${defaultPort}`.length) : written
}
