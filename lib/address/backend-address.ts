/**
 * A backend's address as users write it, parsed: where to dial, and how to name the backend in Host and in
 * TLS.
 */
import {
  type Address,
  AddressError,
  formatAddress,
  formatHostPort,
  parseAddress,
  type TcpAddress,
} from "./address.js"

export interface BackendAddress {
  /** Where it is dialled. */
  readonly address: Address
  /** The Host that names it, `host[:port]` (RFC 9110 §7.2). */
  readonly authority: string
  /** The name that TLS asks for and verifies. */
  readonly serverName: string
  readonly isTls: boolean
  /** Prepended to the path of each request: "" or e.g. "/base". Never ends with a slash. */
  readonly basePath: string
}

const EXPECTED = "host:port, [v6]:port, ws://host[:port][/path], wss://host[:port][/path] or unix:/path"
const URL_FORM = /^(ws|wss|http|https):\/\/([^/?#]*)([^?#]*)$/i
const NO_USER = "a backend's URL can't have a user or password: set Authorization by request_headers"
/** Path segments (RFC 3986 §3.3); only the last may be empty. */
const PATH = /^(?:\/(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})+)*\/?$/
const DOT_SEGMENT = /\/(?:\.|%2e){1,2}(?:\/|$)/i
const DEFAULT_PORT = { ws: 80, wss: 443 }

/**
 * Parses `host:port`, `[v6]:port`, `unix:/path`, or a URL `ws://host[:port][/path]` or `wss://…`. `http`
 * means `ws` and `https` means `wss` (RFC 6455 §3). The port defaults to 80 or 443. Throws `AddressError`.
 */
export function parseBackendAddress(text: string): BackendAddress {
  const [, scheme, authority = "", path = ""] = URL_FORM.exec(text) ?? []
  // Not quoted: it may be a password.
  if (authority.includes("@")) throw new AddressError(NO_USER)
  if (scheme === undefined) return named(parseAddress(text, 1, EXPECTED), false, "")
  const isTls = /^(?:wss|https)$/i.test(scheme)
  const port = isTls ? DEFAULT_PORT.wss : DEFAULT_PORT.ws
  // In a URL, the "%" before the zone of a link-local address is encoded as "%25" (RFC 6874 §2).
  const host = authority.replace("%25", "%")
  const hostPort = /:\d+$/.test(host) ? host : `${host}:${port}`
  // parseAddress would take a host called "unix" for the path of a Unix socket.
  if (hostPort.startsWith("unix:"))
    throw new AddressError(`"${text}" is not an address: expected ${EXPECTED}`)
  const address = parseAddress(hostPort, 1, EXPECTED, text)
  if (!PATH.test(path) || DOT_SEGMENT.test(path)) {
    throw new AddressError(`"${text}" has an invalid path: expected e.g. /base`)
  }
  return named(address, isTls, path.replace(/\/$/, ""))
}

/** An address as text: what a program may also give as a `URL`. */
export function toAddressText(address: string | URL): string {
  if (typeof address === "string") return address
  const { href, pathname, search, hash } = address
  // As a user would write it: the name of the backend in logs, sticky cookies and `Pool.remove`.
  return pathname === "/" && search === "" && hash === "" ? href.slice(0, -1) : href
}

/**
 * Adds the names that an address has by itself. A backend on a Unix socket has no Host of its own:
 * "localhost".
 */
function named(address: Address, isTls: boolean, basePath: string): BackendAddress {
  if (address.kind === "unix") {
    return { address, authority: "localhost", serverName: formatAddress(address), isTls, basePath }
  }
  return { address, authority: authorityOf(address, isTls), serverName: address.host, isTls, basePath }
}

/** `host:port`, without the port if it is the scheme's default. */
function authorityOf({ host, port }: TcpAddress, isTls: boolean): string {
  // The zone of a link-local address means nothing to other machines: no part of a Host (RFC 6874 §1).
  const written = formatHostPort(host.replace(/%.*$/, ""), port)
  const defaultPort = isTls ? DEFAULT_PORT.wss : DEFAULT_PORT.ws
  return port === defaultPort ? written.slice(0, -`:${defaultPort}`.length) : written
}
