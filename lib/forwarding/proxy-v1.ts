/** Version 1 of the PROXY protocol (section 2.1): one line of text. */
import { isIPv4, isIPv6 } from "node:net"
import type { ClientAddress } from "../address/client-address.js"
import { canonicalIp } from "../address/ip.js"
import { NO_PROXY_HEADER, type ProxyHeader, ProxyHeaderError } from "./proxy-header.js"

/** The longest line, with its CRLF. */
const MAX_LINE_BYTES = 107
const PROTOCOLS = ["TCP4", "TCP6", "UNKNOWN"]

/** What some beginning of an IP address lacks: with one of these every beginning of one is an address. */
const COMPLETIONS = ["", ":", "::", "0", ".0", "0.0", ".0.0", "0.0.0", ".0.0.0", "0.0.0.0"]

export const UNKNOWN_LINE = "PROXY UNKNOWN\r\n"

/** As `parseProxyHeader`, for version 1. */
export function parseProxyLine(bytes: Buffer): ProxyHeader | "incomplete" {
  const text = bytes.toString("latin1", 0, MAX_LINE_BYTES)
  const end = text.search(/[\r\n]/)
  const line = end < 0 ? text : text.slice(0, end)
  const addresses = parseLine(line, end >= 0)
  if (line.length > MAX_LINE_BYTES - 2) {
    throw new ProxyHeaderError(`its line is longer than ${MAX_LINE_BYTES} bytes`)
  }
  if (text[end] === "\n") throw new ProxyHeaderError("a LF stands without CR")
  if (end < 0 || end + 1 === text.length) return "incomplete"
  if (text[end + 1] !== "\n") throw new ProxyHeaderError("a CR stands without LF")
  return { length: end + 2, ...addresses }
}

/** Writes `PROXY TCP4 …`, `PROXY TCP6 …`, or `PROXY UNKNOWN` where the source is unknown. */
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
 * Checks a line without its end, or the beginning of one: then its last part need not be whole. The addresses that it
 * returns are right only of a whole line.
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
    throw new ProxyHeaderError("its protocol is none of TCP4, TCP6 and UNKNOWN")
  }
  // Of an unknown connection everything up to the CRLF is to be ignored.
  if (protocol === "UNKNOWN" || !isWholePart(1)) return {}

  const isIp = protocol === "TCP4" ? isIPv4 : isIPv6
  for (const [index, part] of [source, destination].entries()) {
    if (part !== undefined && !isIpPart(isIp, part, isWholePart(2 + index))) {
      throw new ProxyHeaderError(`an address of it is not one of ${protocol}`)
    }
  }
  for (const [index, part] of [sourcePort, destinationPort].entries()) {
    if (part !== undefined && !isPortPart(part, isWholePart(4 + index))) {
      throw new ProxyHeaderError("a port of it is not a number from 0 to 65535")
    }
  }
  if (parts.length > 6) throw new ProxyHeaderError("it has more parts than two addresses and two ports")
  if (!isWhole) return {}
  if (destinationPort === undefined) {
    throw new ProxyHeaderError("it lacks a part of its two addresses and two ports")
  }
  return { source: toAddress(source, sourcePort), destination: toAddress(destination, destinationPort) }
}

function isOneOf(words: readonly string[], part: string, isWhole: boolean): boolean {
  return words.some((word) => (isWhole ? word === part : word.startsWith(part)))
}

function isIpPart(isIp: (text: string) => boolean, part: string, isWhole: boolean): boolean {
  // Node takes a zone as part of an address; no zone of another machine means anything here.
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
