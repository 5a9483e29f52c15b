/**
 * `allow_destinations`: where rws may be led by data that is not its configuration, such as the entries of a
 * registry. Without a list only public addresses may be dialled: what is reachable from rws and not from the
 * client (loopback, private networks, the metadata services of clouds) would otherwise be open to whoever can
 * write an entry or a DNS record (server-side request forgery).
 *
 * The verdict is about the address that is dialled, after resolution. Names alone prove nothing.
 */
import { isIP } from "node:net"
import { AddressError } from "./address.js"
import { type HostPattern, hostName, parseHostPattern } from "./host-pattern.js"
import { bytesOfIp, canonicalIp, textOfIp } from "./ip.js"
import { IpRanges } from "./ip-ranges.js"

/** Whether `host`, which has resolved to the IP address `ip` or is one itself, may be dialled. */
export type Permits = (host: string, ip: string, port: number) => boolean

/**
 * - `public`: global unicast
 * - `private`: networks of an organization or a provider (RFC 1918, RFC 6598, RFC 4193)
 * - `special`: this machine, its link, metadata services, and what else is in the IANA registries of
 *   special-purpose addresses (RFC 6890)
 * - `unusable`: no host has such an address, though systems may lead it to themselves
 */
export type AddressKind = "public" | "private" | "special" | "unusable"

const UNUSABLE = new IpRanges(["0.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4", "::/128", "ff00::/8"])

const LOOPBACK = new IpRanges(["127.0.0.0/8", "::1"])

const SPECIAL = new IpRanges([
  ...["127.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "192.88.99.0/24"],
  // Documentation and benchmarks.
  ...["192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "198.18.0.0/15"],
  // Metadata services of Azure, Alibaba, AWS and Google outside of the link-local range.
  ...["168.63.129.16", "100.100.100.200", "fd00:ec2::254", "fd20:ce::254"],
  // Teredo and other protocol assignments, documentation, and 6to4, which leads to any IPv4 address.
  ...["2001::/23", "2001:db8::/32", "3fff::/20", "2002::/16"],
])

const PRIVATE = new IpRanges(["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"])

/** The only IPv6 range from which global unicast addresses are assigned so far (RFC 4291 §2.4). */
const GLOBAL_V6 = new IpRanges(["2000::/3"])

/** A NAT64 gateway leads these to the IPv4 address in their last 32 bits (RFC 6052 §2.1). */
const NAT64 = new IpRanges(["64:ff9b::/96"])

/** @param ip an IP address, without zone */
export function kindOf(ip: string): AddressKind {
  const canonical = canonicalIp(ip)
  if (canonical === "" || UNUSABLE.has(canonical)) return "unusable"
  const isV6 = canonical.includes(":")
  // IPv4-mapped: no resolver returns it for a host that can be reached by IPv4.
  if (SPECIAL.has(canonical) || (!isV6 && ip.includes(":"))) return "special"
  if (PRIVATE.has(canonical)) return "private"
  if (!isV6) return "public"
  if (NAT64.has(canonical)) return kindOf(textOfIp(bytesOfIp(canonical).subarray(12)))
  return GLOBAL_V6.has(canonical) ? "public" : "special"
}

/** Whether one entry permits a host, as `hostName` has it or undefined if it is an IP address. */
type Rule = (name: string | undefined, ip: string, port: number) => boolean

/**
 * Parses the entries: `name`, `*.name`, an IP address or a CIDR range, each with or without `:port` or
 * `:port-port` (an IPv6 address or range is then in brackets).
 *
 * - Without entries, public addresses are permitted.
 * - A range permits its addresses, under whatever name.
 * - A name or `*.name` permits the public and private addresses that such a host resolves to. Whoever has the
 *   say about its DNS records must not lead rws to itself or to a metadata service: that takes a range.
 * - `localhost` permits loopback, which is what it means (RFC 6761 §6.3).
 *
 * @throws {AddressError}
 */
export function parseDestinations(entries: readonly string[]): Permits {
  if (entries.length === 0) return (_, ip) => kindOf(ip) === "public"
  const rules = entries.map(parseRule)
  return (host, ip, port) => {
    const name = isIP(host) === 0 ? hostName(host) : undefined
    return rules.some((permits) => permits(name, ip, port))
  }
}

const EXPECTED =
  "expected name, *.name, an IP address or a range such as 10.0.0.0/8, each with or without :port"

function parseRule(entry: string): Rule {
  const { where, ports } = splitPorts(entry)
  const isRange = /^[\d.]+(?:\/|$)|:|\//.test(where)
  if (isRange) {
    const ranges = new IpRanges([where])
    return (_, ip, port) => ports(port) && ranges.has(canonicalIp(ip))
  }
  // The resolver of the system reads "127.1" and "0x7f000001" as addresses.
  if (/(?:^|\.)(?:\d+|0x[0-9a-f]*)\.?$/i.test(where)) throw new AddressError(`"${entry}": ${EXPECTED}`)
  const isHost = parsePattern(entry, where)
  const isPermitted = hostName(where) === "localhost" ? isLoopback : isPublicOrPrivate
  return (name, ip, port) => name !== undefined && ports(port) && isHost(name) && isPermitted(ip)
}

function isPublicOrPrivate(ip: string): boolean {
  const kind = kindOf(ip)
  return kind === "public" || kind === "private"
}

function isLoopback(ip: string): boolean {
  return LOOPBACK.has(canonicalIp(ip))
}

function parsePattern(entry: string, host: string): HostPattern {
  try {
    return parseHostPattern(host)
  } catch (error) {
    throw new AddressError(`"${entry}" is not a destination: ${EXPECTED}`, { cause: error })
  }
}

/** Splits off `:port` or `:port-port`. An IPv6 address without brackets has no port. */
function splitPorts(entry: string): { where: string; ports: (port: number) => boolean } {
  const [, v6, host, from, to = from] =
    /^(?:\[([^\]]*:[^\]]*)\]|([^:]*))(?::(\d{1,5})(?:-(\d{1,5}))?)?$/.exec(entry) ?? []
  if (from === undefined) return { where: v6 ?? entry, ports: () => true }
  const first = Number(from)
  const last = Number(to)
  if (first < 1 || last > 65535 || first > last) {
    throw new AddressError(`"${entry}" has invalid ports: expected 1 to 65535, as in :443 or :8000-8999`)
  }
  return { where: v6 ?? host ?? "", ports: (port) => port >= first && port <= last }
}
