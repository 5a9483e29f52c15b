/**
 * The PROXY protocol: what a proxy sends ahead of a connection to say whose it is (HAProxy's proxy-protocol.txt, the
 * sections of which are named below). It is read strictly: who believes a header should know exactly what it says.
 */
import type { ClientAddress } from "../address/client-address.js"
import type { ProxyHeader } from "./proxy-header.js"
import { parseProxyLine, UNKNOWN_LINE, writeProxyLine } from "./proxy-v1.js"
import { LOCAL_BLOCK, parseProxyBlock, SIGNATURE, writeProxyBlock } from "./proxy-v2.js"

export type ProxyVersion = "v1" | "v2"

/**
 * Reads a header at the beginning of `bytes`, all that has come so far; what follows it is left alone. Throws
 * `ProxyHeaderError` with the first byte that shows that they can't become a valid header.
 */
export function parseProxyHeader(bytes: Buffer): ProxyHeader | "incomplete" {
  return bytes[0] === SIGNATURE[0] ? parseProxyBlock(bytes) : parseProxyLine(bytes)
}

/**
 * The header that tells a backend whose connection this is. Where `source` is unknown it says just that. Addresses of
 * two families are both written as IPv6, an unknown destination as the unspecified address.
 */
export function writeProxyHeader(
  version: ProxyVersion,
  source: ClientAddress,
  destination: ClientAddress,
): Buffer {
  return version === "v1" ? writeProxyLine(source, destination) : writeProxyBlock(source, destination)
}

/** The header of a connection that is nobody's but our own, such as a health check. */
export function writeLocalProxyHeader(version: ProxyVersion): Buffer {
  return Buffer.from(version === "v1" ? UNKNOWN_LINE : LOCAL_BLOCK)
}
