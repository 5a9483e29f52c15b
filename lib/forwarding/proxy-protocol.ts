/**
 * The PROXY protocol: a header with the client's address that a proxy sends before any other byte of a
 * connection. It is parsed strictly. "Section" in this room refers to HAProxy's proxy-protocol.txt.
 */
import type { ClientAddress } from "../address/client-address.js"
import type { ProxyHeader } from "./proxy-header.js"
import { parseProxyLine, UNKNOWN_LINE, writeProxyLine } from "./proxy-v1.js"
import { LOCAL_BLOCK, parseProxyBlock, SIGNATURE, writeProxyBlock } from "./proxy-v2.js"

export type ProxyVersion = "v1" | "v2"

/**
 * Parses a header at the start of `bytes`, which is everything received so far; bytes after it are ignored.
 * Throws `ProxyHeaderError` as soon as one byte rules out a valid header.
 */
export function parseProxyHeader(bytes: Buffer): ProxyHeader | "incomplete" {
  return bytes[0] === SIGNATURE[0] ? parseProxyBlock(bytes) : parseProxyLine(bytes)
}

/**
 * Returns the header with the client's address for a backend, or with none if it is unknown. Addresses of
 * different families are both written as IPv6, an unknown destination as the unspecified address.
 */
export function writeProxyHeader(
  version: ProxyVersion,
  source: ClientAddress,
  destination: ClientAddress,
): Buffer {
  return version === "v1" ? writeProxyLine(source, destination) : writeProxyBlock(source, destination)
}

/** Returns the header for connections of rws itself, such as health checks. */
export function writeLocalProxyHeader(version: ProxyVersion): Buffer {
  return Buffer.from(version === "v1" ? UNKNOWN_LINE : LOCAL_BLOCK)
}
