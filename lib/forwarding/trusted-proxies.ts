/** `trusted_proxies`: the proxies in front of rws whose reports about the client are believed. */
import { IpRanges } from "../address/ip-ranges.js"

const EXPECTED = 'an IP address, a range such as 10.0.0.0/8 or fd00::/8, "private_ranges" or "unix"'
/** "private_ranges": loopback, RFC 1918 and the locally assigned half of RFC 4193, as in Caddy. */
const PRIVATE_RANGES = [
  ...["127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"],
  ...["::1", "fd00::/8"],
]

export class TrustedProxies {
  /** Whether no proxy is trusted. */
  readonly isEmpty: boolean
  readonly #unix: boolean
  readonly #ranges: IpRanges

  /**
   * @param list addresses, ranges in CIDR notation (RFC 4632 §3.1; bits after the prefix are ignored),
   *   "private_ranges" for loopback and private networks, and "unix" for every peer on a Unix socket.
   *   IPv4-mapped IPv6 counts as IPv4. Throws `AddressError`.
   */
  constructor(list: readonly string[]) {
    this.isEmpty = list.length === 0
    this.#unix = list.includes("unix")
    const ranges = list.flatMap((entry) => (entry === "private_ranges" ? PRIVATE_RANGES : [entry]))
    this.#ranges = new IpRanges(
      ranges.filter((range) => range !== "unix"),
      EXPECTED,
    )
  }

  /** Whether a peer with this canonical address is trusted; "" means a peer on a Unix socket. */
  has(ip: string): boolean {
    return ip === "" ? this.#unix : this.#ranges.has(ip)
  }
}
