/** What counts as one client where clients are counted. */
import { bytesOfIp } from "../address/ip.js"

/**
 * The key of a canonical address: an IPv4 address counts by itself, an IPv6 address by its first 64 bits, for that is what
 * one subscriber gets to choose addresses from (RFC 4291 §2.5.4, RFC 6177).
 */
export function clientKey(ip: string): string {
  return ip.includes(":") ? bytesOfIp(ip).toString("hex", 0, 8) : ip
}
