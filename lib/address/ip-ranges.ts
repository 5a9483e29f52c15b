/** Sets of IP addresses, written as addresses and CIDR ranges. */
import { BlockList, isIPv4, isIPv6 } from "node:net"
import { AddressError } from "./address.js"
import { bytesOfIp, canonicalIp } from "./ip.js"

const EXPECTED = "an IP address, or a range such as 10.0.0.0/8 or fd00::/8"
const DOT = 0x2e
const ZERO = 0x30
/** Prefix length of IPv4-mapped IPv6 addresses, ::ffff:0:0/96. */
const MAPPED_BITS = 96

/** An IPv4 range as 32 bits and the mask of those that count. */
interface Range {
  readonly bits: number
  readonly mask: number
}

export class IpRanges {
  /** By itself, because a check of a BlockList takes more than a microsecond. */
  readonly #v4: Range[] = []
  readonly #v6 = new BlockList()

  /**
   * @param list addresses and ranges in CIDR notation (RFC 4632 §3.1; bits after the prefix are ignored).
   * IPv4-mapped IPv6 counts as IPv4. Throws `AddressError`
   * @param expected the accepted forms, for the error
   */
  constructor(list: readonly string[], expected = EXPECTED) {
    for (const entry of list) this.#add(entry, expected)
  }

  /** Whether an address in the form of `canonicalIp` is in one of the ranges. */
  has(ip: string): boolean {
    if (ip.includes(":")) return this.#v6.check(ip, "ipv6")
    const address = bitsOf(ip)
    return this.#v4.some(({ bits, mask }) => ((address ^ bits) & mask) === 0)
  }

  #add(entry: string, expected: string): void {
    const [, address = "", prefix] = /^([0-9A-Fa-f:.]+)(?:\/(\d{1,3}))?$/.exec(entry) ?? []
    if (!isIPv4(address) && !isIPv6(address)) {
      throw new AddressError(`"${entry}" is not an IP address or a range: expected ${expected}`)
    }
    const mostBits = 8 * bytesOfIp(address).length
    const bits = Number(prefix ?? mostBits)
    if (bits > mostBits) {
      throw new AddressError(`"${entry}" has an invalid prefix length: expected 0 to ${mostBits}`)
    }
    const ip = canonicalIp(address)
    if (ip.includes(":")) this.#v6.addSubnet(ip, bits, "ipv6")
    else if (mostBits === 32) this.#v4.push(toRange(ip, bits))
    else if (bits >= MAPPED_BITS) this.#v4.push(toRange(ip, bits - MAPPED_BITS))
    else this.#v6.addSubnet(address, bits, "ipv6")
  }
}

function toRange(ip: string, prefix: number): Range {
  // A shift by 32 bits would be none.
  return { bits: bitsOf(ip), mask: prefix === 0 ? 0 : -1 << (32 - prefix) }
}

/** The 32 bits of a canonical IPv4 address. */
function bitsOf(ip: string): number {
  let bits = 0
  let part = 0
  for (let at = 0; at < ip.length; at++) {
    const code = ip.charCodeAt(at)
    if (code === DOT) {
      bits = (bits << 8) | part
      part = 0
    } else part = 10 * part + code - ZERO
  }
  return (bits << 8) | part
}
