/** Version 1 of the PROXY protocol (section 2.1): one line of text. */
import { isIPv4, isIPv6 } from "node:net"
import type { ClientAddress } from "../address/client-address.js"
import { canonicalIp } from "../address/ip.js"
import { NO_PROXY_HEADER, type ProxyHeader, ProxyHeaderError } from "./proxy-header.js"

/** Maximum length of the line, CRLF included. */
const MAX_LINE_BYTES = 107
const PROTOCOLS = ["TCP4", "TCP6", "UNKNOWN"]

/** A prefix of an IP address is valid if one of these suffixes completes it. */
const COMPLETIONS = ["", ":", "::", "0", ".0", "0.0", ".0.0", "0.0.0", ".0.0.0", "0.0.0.0"]

export const UNKNOWN_LINE = "PROXY UNKNOWN\r\n"

/** Like `parseProxyHeader`, for version 1. */
export function parseProxyLine(bytes: Buffer): ProxyHeader | "incomplete" {
  const text = bytes.toString("latin1", 0, MAX_LINE_BYTES)
  const end = text.search(/[\r\n]/)
  const line = end < 0 ? text : text.slice(0, end)
  const addresses = parseLine(line, end >= 0)
  if (line.length > MAX_LINE_BYTES - 2) {
    throw new ProxyHeaderError(`line longer than ${MAX_LINE_BYTES} bytes`)
  }
  if (text[end] === "\n") throw new ProxyHeaderError("bare LF")
  if (end < 0 || end + 1 === text.length) return "incomplete"
  if (text[end + 1] !== "\n") throw new ProxyHeaderError("bare CR")
  return { length: end + 2, ...addresses }
}

/** Writes `PROXY TCP4 …`, `PROXY TCP6 …`, or `PROXY UNKNOWN` if the source is unknown. */
export function writeProxyLine(source: ClientAddress, destination: ClientAddress): Buffer {
  if (source.ip === "") return Buffer.from(UNKNOWN_LINE)
  const isV6 = source.ip.includes(":") || destination.ip.includes(":")
  const write = ({ ip }: ClientAddress) => (isV6 ? toV6(ip) : ip || "0.0.0.0")
  const addresses = `${write(source)} ${write(destination)}`
  return Buffer.from(`PROXY ${isV6 ? "TCP6" : "TCP4"} ${addresses} ${source.port} ${destination.port}\r\n`)
}

function toV6(ip: string): string {
  if (ip === "") return "::"
  return ip.includes(":") ? ip : `::ffff:${ip}`
}

/**
 * Checks a line without its CRLF, or the beginning of one, whose last part may be incomplete. Returns
 * addresses only for a whole line.
 */
function parseLine(line: string, isWhole: boolean): Omit<ProxyHeader, "length"> {
  const parts = line.split(" ")
  const isWholePart = (index: number) => isWhole || index < parts.length - 1
  const [proxy = "", protocol, source, destination, sourcePort, destinationPort] = parts
  if (isWholePart(0) ? proxy !== "PROXY" : !"PROXY".startsWith(proxy)) {
    throw new ProxyHeaderError(NO_PROXY_HEADER)
  }
  if (protocol === undefined && !isWhole) return {}
  if (protocol === undefined || !isOneOf(PROTOCOLS, protocol, isWholePart(1))) {
    throw new ProxyHeaderError("protocol is not TCP4, TCP6 or UNKNOWN")
  }
  // Section 2.1: after UNKNOWN, everything up to the CRLF must be ignored.
  if (protocol === "UNKNOWN" || !isWholePart(1)) return {}

  const isIp = protocol === "TCP4" ? isIPv4 : isIPv6
  for (const [index, part] of [source, destination].entries()) {
    if (part !== undefined && !isIpPart(isIp, part, isWholePart(2 + index))) {
      throw new ProxyHeaderError(`not a valid ${protocol} address`)
    }
  }
  for (const [index, part] of [sourcePort, destinationPort].entries()) {
    if (part !== undefined && !isPortPart(part, isWholePart(4 + index))) {
      throw new ProxyHeaderError("port is not a number from 0 to 65535")
    }
  }
  if (parts.length > 6) throw new ProxyHeaderError("more parts than two addresses and two ports")
  if (!isWhole) return {}
  if (destinationPort === undefined) {
    throw new ProxyHeaderError("an address or a port is missing")
  }
  return { source: toAddress(source, sourcePort), destination: toAddress(destination, destinationPort) }
}

function isOneOf(words: readonly string[], part: string, isWhole: boolean): boolean {
  return words.some((word) => (isWhole ? word === part : word.startsWith(part)))
}

function isIpPart(isIp: (text: string) => boolean, part: string, isWhole: boolean): boolean {
  // Node accepts a zone as part of an address, but the zone of another machine is meaningless here.
  if (part.includes("%")) return false
  return isWhole ? isIp(part) : COMPLETIONS.some((completion) => isIp(part + completion))
}

function isPortPart(part: string, isWhole: boolean): boolean {
  if (part === "") return !isWhole
  return /^(?:0|[1-9]\d{0,4})$/.test(part) && Number(part) <= 65535
}

function toAddress(ip = "", port = ""): ClientAddress {
  return { ip: canonicalIp(ip), port: Number(port) }
}
