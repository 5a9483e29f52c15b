/** The URL under which a browser reaches a listener. */

/** Addresses that stand for every interface of the machine; the page's own host is one of them. */
const WILDCARDS = new Set(["0.0.0.0", "[::]", "*", ""])

/**
 * TLS ends in front of rws, so the scheme is ws.
 *
 * @param address where the listener is bound
 * @param pageHost the host that the page was loaded from, IPv6 in brackets
 * @returns undefined for a Unix socket: no browser can open one
 */
export function socketUrl(address: string, pageHost: string): string | undefined {
  if (address.startsWith("unix:")) return undefined
  const portAt = address.lastIndexOf(":")
  const host = address.slice(0, portAt)
  return `ws://${WILDCARDS.has(host) ? pageHost : host}${address.slice(portAt)}/`
}
