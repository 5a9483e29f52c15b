/** Sets of IP addresses, written as addresses and CIDR ranges. */
import { BlockList, isIPv4, isIPv6 } from "node:net"
import { AddressError } from "./address.js"
import { bytesOfIp, canonicalIp } from "./ip.js"

/** Prefix length of IPv4-mapped IPv6 addresses, ::ffff:0:0/96. */
const MAPPED_BITS = 96

export class IpRanges {
  // Two lists, because in one BlockList an IPv6 range such as ::/0 would also match every IPv4 address.
  readonly #v4 = new BlockList()
  readonly #v6 = new BlockList()

  /**
   * @param list addresses and ranges in CIDR notation (RFC 4632 §3.1; bits after the prefix are ignored).
   * IPv4-mapped IPv6 counts as IPv4. Throws `AddressError`
   */
  constructor(list: readonly string[]) {
    for (const entry of list) this.#add(entry)
  }

  /** Whether an address in the form of `canonicalIp` is in one of the ranges. */
  has(ip: string): boolean {
    return ip.includes(":") ? this.#v6.check(ip, "ipv6") : this.#v4.check(ip, "ipv4")
  }

  #add(entry: string): void {
    const [, address = "", prefix] = /^([0-9A-Fa-f:.]+)(?:\/(\d{1,3}))?$/.exec(entry) ?? []
    if (!isIPv4(address) && !isIPv6(address)) {
      throw new AddressError(
        `"${entry}" is not an IP address or a range: expected e.g. 10.0.0.5, 10.0.0.0/8 or fd00::/8`,
      )
    }
    const mostBits = 8 * bytesOfIp(address).length
    const bits = Number(prefix ?? mostBits)
    if (bits > mostBits) {
      throw new AddressError(`"${entry}" has an invalid prefix length: expected 0 to ${mostBits}`)
    }
    const ip = canonicalIp(address)
    if (ip.includes(":")) this.#v6.addSubnet(ip, bits, "ipv6")
    else if (mostBits === 32) this.#v4.addSubnet(ip, bits, "ipv4")
    else if (bits >= MAPPED_BITS) this.#v4.addSubnet(ip, bits - MAPPED_BITS, "ipv4")
    else this.#v6.addSubnet(address, bits, "ipv6")
  }
}
