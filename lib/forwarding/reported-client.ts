/**
 * Determines the client's address behind trusted proxies.
 *
 * Each proxy appends its peer's address to X-Forwarded-For or Forwarded (RFC 7239). So the list is read from
 * the right, and an entry is believed only if the proxy that added it is trusted. Entries forged by a client
 * are to the left of its own address and are never reached.
 */
import { isHostField } from "../address/address.js"
import { type ClientAddress, toClientAddress } from "../address/client-address.js"
import { SessionEnd } from "../close-reason.js"
import { type Field, listOf, valuesOf } from "../http/head.js"
import { type ForwardedElement, parseElement, splitElements } from "./rfc7239.js"
import type { TrustedProxies } from "./trusted-proxies.js"

/** `ip`, `ip:port`, `[v6]` or `[v6]:port`. RFC 7239 §6 also allows obfuscated ports: `_name`. */
const NODE = /^(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+))(?::(?:(\d{1,5})|_[\w.-]+))?$/
/** RFC 7239 §6.2 and §6.3: the proxy does not know its peer, or hides it. */
const HIDDEN = /^(?:unknown|_[\w.-]+)(?::(?:\d{1,5}|_[\w.-]+))?$/i
const BARE_IPV6 = /^[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*$/

/** What a trusted peer reports about the connection that it forwards. */
export interface Report {
  /**
   * The fields that are believed: X-Forwarded-* or Forwarded. Few proxies write both, and fields that a proxy
   * does not write may come from its client.
   */
  readonly family: "x-forwarded" | "forwarded"
  /** The client and the trusted proxies after it, without the peer. Empty if the peer reports no address. */
  readonly hops: readonly ClientAddress[]
  /** The host that the client asked for, a valid Host field; undefined if not reported. */
  readonly host: string | undefined
  /** The scheme that the client used, in lower case; undefined if not reported. */
  readonly proto: string | undefined
}

/** The detail of `bad_forwarded` for a value that ends inside a quoted string. */
export const OPEN_QUOTE = "unterminated quoted string in Forwarded"

const SCHEME = /^[a-z][a-z0-9+.-]*$/

/**
 * Reads a trusted peer's report from X-Forwarded-* if X-Forwarded-For is present or Forwarded is not, else
 * from Forwarded. A proxy that hides or does not know its peer counts as the client. Throws
 * `SessionEnd("bad_forwarded")` if an entry that is believed is not an address; other entries are ignored.
 */
export function readReport(fields: readonly Field[], trusted: TrustedProxies): Report {
  const entries = listOf(fields, "x-forwarded-for")
  if (entries.length === 0 && listOf(fields, "forwarded").length > 0) return readForwarded(fields, trusted)
  const hops: ClientAddress[] = []
  for (const entry of entries.reverse()) {
    const hop = parseNode(entry, "X-Forwarded-For")
    if (hop === undefined) break
    hops.push(hop)
    if (!trusted.has(hop.ip)) break
  }
  hops.reverse()
  // The last member of a list was added by the nearest proxy.
  const host = listOf(fields, "x-forwarded-host").at(-1)
  const proto = listOf(fields, "x-forwarded-proto").at(-1)
  return { family: "x-forwarded", hops, host: validHost(host), proto: validScheme(proto) }
}

/** Whether this scheme means TLS. */
export function isSecure(proto: string): boolean {
  return proto === "https" || proto === "wss"
}

function readForwarded(fields: readonly Field[], trusted: TrustedProxies): Report {
  const hops: ClientAddress[] = []
  let element: ForwardedElement = {}
  const report = (): Report => ({
    family: "forwarded",
    hops: hops.reverse(),
    host: validHost(element.host),
    proto: validScheme(element.proto),
  })
  for (const value of valuesOf(fields, "forwarded").reverse()) {
    const elements = splitElements(value)
    if (elements === undefined) throw new SessionEnd("bad_forwarded", OPEN_QUOTE)
    for (const text of elements.reverse()) {
      const parsed = parseElement(text)
      if (parsed === undefined) throw new SessionEnd("bad_forwarded", "malformed element in Forwarded")
      element = parsed
      const hop = element.for === undefined ? undefined : parseNode(element.for, "Forwarded")
      if (hop === undefined) return report()
      hops.push(hop)
      if (!trusted.has(hop.ip)) return report()
    }
  }
  return report()
}

function validHost(host: string | undefined): string | undefined {
  return host !== undefined && isHostField(host) ? host : undefined
}

function validScheme(proto: string | undefined): string | undefined {
  return proto !== undefined && SCHEME.test(proto) ? proto : undefined
}

/** Returns undefined if the node is hidden or unknown. */
function parseNode(text: string, name: string): ClientAddress | undefined {
  if (HIDDEN.test(text)) return undefined
  const [, v6, v4, port = "0"] = NODE.exec(text) ?? []
  const ip = v6 ?? v4 ?? (BARE_IPV6.test(text) ? text : "")
  const client = toClientAddress(ip, Number(port))
  const isOfItsFamily = v6 === undefined || v6.includes(":")
  if (client.ip === "" || client.port > 65535 || !isOfItsFamily) {
    throw new SessionEnd("bad_forwarded", `not an IP address in ${name}`)
  }
  return client
}
