/**
 * Writes X-Forwarded-* and Forwarded: the client's address and how it connected. Backends trust these fields,
 * so those of a peer that is not a trusted proxy are removed.
 */

import type { ClientAddress } from "../address/client-address.js"
import { SessionEnd } from "../close-reason.js"
import { FieldEdit } from "../http/field-writer.js"
import { type Field, valuesOf } from "../http/head.js"
import { OPEN_QUOTE, type Report } from "./reported-client.js"
import { splitElements } from "./rfc7239.js"

/** Which fields are written: X-Forwarded-For, -Host, -Proto and -Port; Forwarded (RFC 7239); both; none. */
export const FORWARDED_MODES = ["x-forwarded", "rfc7239", "both", "off"] as const

export type ForwardedMode = (typeof FORWARDED_MODES)[number]

export interface ForwardingFacts {
  /** The other end of the connection, or the source in its PROXY header. */
  readonly peer: ClientAddress
  /** How the peer connected: "https" if its PROXY header or `client_tls` says TLS. rws speaks plain TCP. */
  readonly proto: "http" | "https"
  /** What the peer reports; undefined if it is not a trusted proxy. */
  readonly report: Report | undefined
  /** The request's Host field, already validated: it contains no quote. */
  readonly host: string
  /**
   * The port that the peer connected to; 0 = unknown; undefined = that of a terminator, which is not known.
   */
  readonly localPort: number | undefined
  /** All fields of the request. */
  readonly fields: readonly Field[]
}

/** Names of both families, and names that CGI, which maps other characters to "_", can't tell from them. */
const NAMES_A_CLIENT = /^(?:forwarded|x[^a-z0-9]forwarded(?:[^a-z0-9].*)?|x[^a-z0-9]real[^a-z0-9]ip)$/
/**
 * Names that are accepted from a trusted proxy. X-Forwarded-Prefix is not: few proxies write it, so it would
 * come from the client.
 */
const NAMES_OF_FAMILY = {
  "x-forwarded": /^x-forwarded(?!-prefix$)(?:-[a-z0-9-]*)?$/,
  forwarded: /^forwarded$/,
}
/** Edits that most requests share. */
const PROTO: ReadonlyMap<string, FieldEdit> = new Map(
  ["http", "https"].map((proto) => [proto, FieldEdit.set("X-Forwarded-Proto", proto)]),
)
const DEFAULT_PORTS: ReadonlyMap<string, string> = new Map([
  ["http", "80"],
  ["ws", "80"],
  ["https", "443"],
  ["wss", "443"],
])

/**
 * Returns the edits of a request's fields for the backend. For a trusted peer, rws keeps the family that it
 * believes and appends to its list; the other family is removed, or rewritten to match. For any other peer
 * all fields are replaced. "off" edits nothing.
 *
 * Throws `SessionEnd("bad_forwarded")` if a Forwarded field has to be extended but ends inside a quoted
 * string.
 */
export function forwardingEdits(mode: ForwardedMode, facts: ForwardingFacts): FieldEdit[] {
  if (mode === "off") return []
  const { report, fields } = facts
  const edits: FieldEdit[] = []
  for (const { name } of fields) {
    // All of these names begin so. Other fields need not be matched.
    if (name[0] !== "x" && name[0] !== "f") continue
    const isBelieved = report !== undefined && NAMES_OF_FAMILY[report.family].test(name)
    if (NAMES_A_CLIENT.test(name) && !isBelieved) edits.push(FieldEdit.remove(name))
  }
  if (mode !== "rfc7239") pushXForwarded(edits, facts)
  if (mode !== "x-forwarded") edits.push(FieldEdit.set("Forwarded", forwardedValue(facts)))
  else if (report?.family === "forwarded" && hasOpenQuote(fields)) edits.push(FieldEdit.remove("forwarded"))
  return edits
}

function pushXForwarded(edits: FieldEdit[], facts: ForwardingFacts): void {
  const { peer, report, fields } = facts
  const list = report?.family === "x-forwarded" ? membersOf(fields, "x-forwarded-for") : hopsOf(report)
  if (peer.ip !== "") list.push(peer.ip)
  if (list.length > 0) edits.push(FieldEdit.set("X-Forwarded-For", list.join(", ")))
  const { host, proto, port } = originalRequestOf(facts)
  const isKept = (name: string) => report?.family === "x-forwarded" && membersOf(fields, name).length > 0
  if (!isKept("x-forwarded-host")) edits.push(FieldEdit.set("X-Forwarded-Host", host))
  if (!isKept("x-forwarded-proto")) edits.push(PROTO.get(proto) ?? FieldEdit.set("X-Forwarded-Proto", proto))
  if (port !== "" && !isKept("x-forwarded-port")) edits.push(FieldEdit.set("X-Forwarded-Port", port))
}

function forwardedValue(facts: ForwardingFacts): string {
  const { peer, report, fields } = facts
  const ours = elementOf(peer, facts.host, facts.proto)
  if (report?.family === "forwarded") {
    // Anything appended would become part of the quoted string.
    if (hasOpenQuote(fields)) throw new SessionEnd("bad_forwarded", OPEN_QUOTE)
    return [...membersOf(fields, "forwarded"), ours].join(", ")
  }
  // X-Forwarded-Host and -Proto describe the first hop only (RFC 7239 §7.4).
  const { host, proto } = originalRequestOf(facts)
  const [client, ...proxies] = report?.hops ?? []
  if (client === undefined) return elementOf(peer, host, proto)
  return [elementOf(client, host, proto), ...proxies.map((hop) => `for=${nodeOf(hop)}`), ours].join(", ")
}

/** The host, scheme and port of the client's own request, as reported or else as seen by rws. */
interface OriginalRequest {
  readonly host: string
  readonly proto: string
  /** "" = unknown. */
  readonly port: string
}

function originalRequestOf(facts: ForwardingFacts): OriginalRequest {
  const { report, localPort } = facts
  if (report === undefined && localPort !== undefined) {
    return { host: facts.host, proto: facts.proto, port: localPort === 0 ? "" : String(localPort) }
  }
  const { host = facts.host, proto = facts.proto } = report ?? {}
  // The client connected to the port of a proxy, not to ours.
  return { host, proto, port: /:(\d+)$/.exec(host)?.[1] ?? DEFAULT_PORTS.get(proto) ?? "" }
}

function elementOf(node: ClientAddress, host: string, proto: string): string {
  return `for=${nodeOf(node)};host="${host}";proto=${proto}`
}

/** RFC 7239 §6: an IPv6 address is written in brackets, and therefore quoted. */
function nodeOf({ ip }: ClientAddress): string {
  if (ip === "") return "unknown"
  return ip.includes(":") ? `"[${ip}]"` : ip
}

function hasOpenQuote(fields: readonly Field[]): boolean {
  return valuesOf(fields, "forwarded").some((value) => splitElements(value) === undefined)
}

function hopsOf(report: Report | undefined): string[] {
  return report?.hops.map(({ ip }) => ip) ?? []
}

/** The non-empty values of all fields with this name. */
function membersOf(fields: readonly Field[], name: string): string[] {
  return valuesOf(fields, name).filter((value) => value !== "")
}
