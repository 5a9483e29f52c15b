/**
 * Who the client is behind the proxies that are trusted.
 *
 * Each proxy adds the address that connected to it at the right end of X-Forwarded-For or Forwarded (RFC 7239). So the
 * list is read from the right, and an entry is believed only if the one who added it is trusted: what a client
 * has forged stands further to the left than its own address, and is never reached.
 */
import { SessionEnd } from "../close-reason.js"
import { type Field, listOf, valuesOf } from "../http/head.js"
import { type ClientAddress, toClientAddress } from "./client-address.js"
import { parseElement, splitElements } from "./forwarded-field.js"
import type { TrustedProxies } from "./trusted-proxies.js"

/** `ip`, `ip:port`, `[v6]` or `[v6]:port`; RFC 7239 §6 also allows a port to be made up: `_name`. */
const NODE = /^(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+))(?::(?:(\d{1,5})|_[\w.-]+))?$/
/** RFC 7239 §6.2 and §6.3: a proxy does not know who connected to it, or does not tell. */
const HIDDEN = /^(?:unknown|_[\w.-]+)(?::(?:\d{1,5}|_[\w.-]+))?$/i
const BARE_IPV6 = /^[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*$/

/** A client as a proxy reports it, and the scheme that it used there, if the proxy says so. */
interface Report {
  readonly client: ClientAddress
  readonly proto: string | undefined
}

/**
 * The client that the trusted proxies report; the peer itself where it is not trusted or reports nobody. Forwarded is
 * read only if there is no X-Forwarded-For. Where a proxy hides or does not know who connected to it, that proxy counts as
 * the client. Throws `SessionEnd("bad_forwarded")` if an entry that is believed is no address.
 */
export function reportedClient(
  peer: ClientAddress,
  fields: readonly Field[],
  trusted: TrustedProxies,
): ClientAddress {
  if (!trusted.has(peer.ip)) return peer
  const entries = listOf(fields, "x-forwarded-for")
  if (entries.length === 0) return walkForwarded(peer, fields, trusted).client
  let client = peer
  for (let index = entries.length - 1; index >= 0 && trusted.has(client.ip); index--) {
    const next = parseNode(entries[index] ?? "", "X-Forwarded-For")
    if (next === undefined) break
    client = next
  }
  return client
}

/**
 * Whether trusted proxies say that the client came over TLS: the last X-Forwarded-Proto, which is the nearest proxy's,
 * or, where there is none, the `proto` that Forwarded tells of the reported client. Throws as `reportedClient` does.
 */
export function isSecure(peer: ClientAddress, fields: readonly Field[], trusted: TrustedProxies): boolean {
  if (!trusted.has(peer.ip)) return false
  const proto = listOf(fields, "x-forwarded-proto").at(-1) ?? walkForwarded(peer, fields, trusted).proto
  return proto === "https" || proto === "wss"
}

function walkForwarded(peer: ClientAddress, fields: readonly Field[], trusted: TrustedProxies): Report {
  let report: Report = { client: peer, proto: undefined }
  for (const value of valuesOf(fields, "forwarded").reverse()) {
    if (!trusted.has(report.client.ip)) break
    const elements = splitElements(value)
    if (elements === undefined)
      throw new SessionEnd("bad_forwarded", "a quoted string in Forwarded has no end")
    for (const text of elements.reverse()) {
      if (!trusted.has(report.client.ip)) return report
      const element = parseElement(text)
      if (element === undefined) throw new SessionEnd("bad_forwarded", "an element of Forwarded is malformed")
      const next = element.for === undefined ? undefined : parseNode(element.for, "Forwarded")
      if (next === undefined) return { client: report.client, proto: element.proto }
      report = { client: next, proto: element.proto }
    }
  }
  return report
}

/** Returns undefined if the node is hidden or not known. */
function parseNode(text: string, name: string): ClientAddress | undefined {
  if (HIDDEN.test(text)) return undefined
  const [, v6, v4, port = "0"] = NODE.exec(text) ?? []
  const ip = v6 ?? v4 ?? (BARE_IPV6.test(text) ? text : "")
  const client = toClientAddress(ip, Number(port))
  const isOfItsFamily = v6 === undefined || v6.includes(":")
  if (client.ip === "" || client.port > 65535 || !isOfItsFamily) {
    throw new SessionEnd("bad_forwarded", `an entry of ${name} is no IP address`)
  }
  return client
}
