/** Which addresses count as one client. */
import { bytesOfIp } from "../address/ip.js"

/** 64 bits that tell clients apart, in two halves. */
export interface ClientKey {
  readonly high: number
  readonly low: number
}

/** ffff:ffff::/32 is multicast (RFC 4291 §2.7), so no IPv6 client has an IPv4 client's key. */
const IPV4_HIGH = -1

/**
 * The key of a canonical address: an IPv4 address counts by itself, an IPv6 address by its first 64 bits,
 * since one subscriber chooses addresses freely within them (RFC 4291 §2.5.4, RFC 6177).
 */
export function clientKey(ip: string): ClientKey {
  const bytes = bytesOfIp(ip)
  if (bytes.length === 4) return { high: IPV4_HIGH, low: bytes.readInt32BE(0) }
  return { high: bytes.readInt32BE(0), low: bytes.readInt32BE(4) }
}
