/** `trusted_proxies`: the proxies in front of rws whose reports about the client are believed. */
import { BlockList, isIPv4, isIPv6 } from "node:net"
import { AddressError } from "../address/address.js"
import { bytesOfIp, canonicalIp } from "../address/ip.js"

const EXPECTED = 'an IP address, a range such as 10.0.0.0/8 or fd00::/8, "private_ranges" or "unix"'
/** "private_ranges": loopback, RFC 1918 and the locally assigned half of RFC 4193, as in Caddy. */
const PRIVATE_RANGES = [
  ...["127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"],
  ...["::1", "fd00::/8"],
]
/** Prefix length of IPv4-mapped IPv6 addresses, ::ffff:0:0/96. */
const MAPPED_BITS = 96

export class TrustedProxies {
  /** Whether no proxy is trusted. */
  readonly isEmpty: boolean
  readonly #unix: boolean
  // Two lists, because in one BlockList an IPv6 range such as ::/0 would also match every IPv4 address.
  readonly #v4 = new BlockList()
  readonly #v6 = new BlockList()

  /**
   * @param list addresses, ranges in CIDR notation (RFC 4632 §3.1; bits after the prefix are ignored),
   *   "private_ranges" for loopback and private networks, and "unix" for every peer on a Unix socket.
   *   IPv4-mapped IPv6 counts as IPv4. Throws `AddressError`.
   */
  constructor(list: readonly string[]) {
    this.isEmpty = list.length === 0
    this.#unix = list.includes("unix")
    for (const entry of list) {
      if (entry === "private_ranges") for (const range of PRIVATE_RANGES) this.#add(range)
      else if (entry !== "unix") this.#add(entry)
    }
  }

  /** Whether a peer with this canonical address is trusted; "" means a peer on a Unix socket. */
  has(ip: string): boolean {
    if (this.isEmpty) return false
    if (ip === "") return this.#unix
    return ip.includes(":") ? this.#v6.check(ip, "ipv6") : this.#v4.check(ip, "ipv4")
  }

  #add(entry: string): void {
    const [, address = "", prefix] = /^([0-9A-Fa-f:.]+)(?:\/(\d{1,3}))?$/.exec(entry) ?? []
    if (!isIPv4(address) && !isIPv6(address)) {
      throw new AddressError(`"${entry}" is not a trusted proxy: expected ${EXPECTED}`)
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
