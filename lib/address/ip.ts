/**
 * Converts IP addresses between text and bytes. An IPv6 address has many spellings, so addresses that are
 * compared as text are first converted to the canonical one of RFC 5952 §4.
 */
import { isIPv4, isIPv6 } from "node:net"

const MAPPED_PREFIX = Buffer.from("00000000000000000000ffff", "hex")

/**
 * Returns the canonical spelling of an address: lower case, compressed, without zone, and an IPv4-mapped IPv6
 * address (RFC 4291 §2.5.5.2) as IPv4. Returns "" if the text is not an IP address.
 */
export function canonicalIp(text: string): string {
  // Fast path: the two forms that nearly all sockets report need no parsing.
  const v4 = text.startsWith("::ffff:") ? text.slice("::ffff:".length) : text
  if (isIPv4(v4)) return v4
  return isIPv6(text) ? textOfIp(bytesOfIp(text.replace(/%.*$/, ""))) : ""
}

/** Returns the 4 or 16 bytes, in network order, of an address without a zone. */
export function bytesOfIp(ip: string): Buffer {
  if (!ip.includes(":")) return Buffer.from(ip.split(".").map(Number))
  const bytes = Buffer.alloc(16)
  const [before = "", behind = ""] = ip.split("::")
  for (const [index, group] of groupsOf(before).entries()) bytes.writeUInt16BE(group, 2 * index)
  const last = groupsOf(behind)
  for (const [index, group] of last.entries()) bytes.writeUInt16BE(group, 16 + 2 * (index - last.length))
  return bytes
}

/** Returns 16 bytes; an IPv4 address becomes IPv4-mapped. */
export function ipv6BytesOfIp(ip: string): Buffer {
  const bytes = bytesOfIp(ip)
  return bytes.length === 16 ? bytes : Buffer.concat([MAPPED_PREFIX, bytes])
}

/** Returns the canonical text of 4 or 16 bytes. */
export function textOfIp(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join(".")
  if (bytes.subarray(0, 12).equals(MAPPED_PREFIX)) return bytes.subarray(12).join(".")
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(2 * index).toString(16))
  const { start, length } = longestZeros(groups)
  if (length < 2) return groups.join(":")
  return `${groups.slice(0, start).join(":")}::${groups.slice(start + length).join(":")}`
}

function groupsOf(text: string): number[] {
  if (text === "") return []
  return text.split(":").flatMap((group) => {
    if (!group.includes(".")) return Number.parseInt(group, 16)
    const [a = 0, b = 0, c = 0, d = 0] = group.split(".").map(Number)
    return [a * 256 + b, c * 256 + d]
  })
}

/** Returns the first of the longest runs of zeros, which is written "::" (RFC 5952 §4.2.3). */
function longestZeros(groups: readonly string[]): { start: number; length: number } {
  let longest = { start: 0, length: 0 }
  for (let start = 0; start < groups.length; start++) {
    let end = start
    while (groups[end] === "0") end++
    if (end - start > longest.length) longest = { start, length: end - start }
  }
  return longest
}
