/**
 * The fields that tell a backend who its client is, and by which way it came. Backends believe them, so nothing of the
 * kind gets through from a client that is not a trusted proxy.
 */

import type { ClientAddress } from "../address/client-address.js"
import { SessionEnd } from "../close-reason.js"
import { type Field, valuesOf } from "../http/head.js"
import type { Report } from "./reported-client.js"
import { splitElements } from "./rfc7239.js"

/** Which fields are written: X-Forwarded-For, -Host, -Proto and -Port; Forwarded (RFC 7239); all of them; none. */
export const FORWARDED_MODES = ["x-forwarded", "rfc7239", "both", "off"] as const

export type ForwardedMode = (typeof FORWARDED_MODES)[number]

export interface ForwardingFacts {
  /** Who is next to us: the other end of the connection, or the source in its PROXY header. */
  readonly peer: ClientAddress
  /** How the peer connected: by TLS if its PROXY header says so. rws itself speaks plain TCP. */
  readonly proto: "http" | "https"
  /** What the peer reports if it is a trusted proxy; undefined if it is not. */
  readonly report: Report | undefined
  /** The value of the request's Host field, found to be valid: it holds no quote. */
  readonly host: string
  /** The port that the peer connected to; 0 = unknown. */
  readonly localPort: number
  /** All fields of the request. */
  readonly fields: readonly Field[]
}

/** Names of the two families, and what a CGI backend can't tell from them because it reads other characters as "-". */
const NAMES_A_CLIENT = /^(?:forwarded|x[^a-z0-9]forwarded(?:[^a-z0-9].*)?|x[^a-z0-9]real[^a-z0-9]ip)$/
/** Names that a trusted proxy may send. Few proxies write X-Forwarded-Prefix: it would be the client's own. */
const NAMES_OF_FAMILY = {
  "x-forwarded": /^x-forwarded(?!-prefix$)(?:-[a-z0-9-]*)?$/,
  forwarded: /^forwarded$/,
}
const DEFAULT_PORTS: ReadonlyMap<string, string> = new Map([
  ["http", "80"],
  ["ws", "80"],
  ["https", "443"],
  ["wss", "443"],
])

/**
 * The changes of a request's fields for its backend: lower-case names with the complete lines that stand in
 * for all fields of that name, "" for none. From a trusted peer, the family that is believed is kept and its
 * list appended to; the other family is removed, or written to say the same. From anyone else all fields are
 * replaced. "off" changes nothing.
 *
 * Throws `SessionEnd("bad_forwarded")` for a Forwarded field that must be appended to and can't be.
 */
export function forwardedChanges(mode: ForwardedMode, facts: ForwardingFacts): Map<string, string> {
  const changes = new Map<string, string>()
  if (mode === "off") return changes
  const { report, fields } = facts
  for (const { name } of fields) {
    const isBelieved = report !== undefined && NAMES_OF_FAMILY[report.family].test(name)
    if (NAMES_A_CLIENT.test(name) && !isBelieved) changes.set(name, "")
  }
  if (mode !== "rfc7239") setForwardedFields(changes, facts)
  if (mode !== "x-forwarded") changes.set("forwarded", `Forwarded: ${forwardedValue(facts)}\r\n`)
  else if (report?.family === "forwarded" && hasOpenQuote(fields)) changes.set("forwarded", "")
  return changes
}

function setForwardedFields(changes: Map<string, string>, facts: ForwardingFacts): void {
  const { peer, report, fields } = facts
  const list = report?.family === "x-forwarded" ? membersOf(fields, "x-forwarded-for") : hopsOf(report)
  if (peer.ip !== "") list.push(peer.ip)
  if (list.length > 0) changes.set("x-forwarded-for", `X-Forwarded-For: ${list.join(", ")}\r\n`)
  const { host, proto, port } = storyOf(facts)
  const isKept = (name: string) => report?.family === "x-forwarded" && membersOf(fields, name).length > 0
  if (!isKept("x-forwarded-host")) changes.set("x-forwarded-host", `X-Forwarded-Host: ${host}\r\n`)
  if (!isKept("x-forwarded-proto")) changes.set("x-forwarded-proto", `X-Forwarded-Proto: ${proto}\r\n`)
  if (port !== "" && !isKept("x-forwarded-port")) {
    changes.set("x-forwarded-port", `X-Forwarded-Port: ${port}\r\n`)
  }
}

function forwardedValue(facts: ForwardingFacts): string {
  const { peer, report, fields } = facts
  const ours = elementOf(peer, facts.host, facts.proto)
  if (report?.family === "forwarded") {
    // Behind an open quote all that follows would be part of a string that somebody else began.
    if (hasOpenQuote(fields)) throw new SessionEnd("bad_forwarded", "a quoted string in Forwarded has no end")
    return [...membersOf(fields, "forwarded"), ours].join(", ")
  }
  // X-Forwarded-* tell of the first hop only (RFC 7239 §7.4).
  const { host, proto } = storyOf(facts)
  const [client, ...proxies] = report?.hops ?? []
  if (client === undefined) return elementOf(peer, host, proto)
  return [elementOf(client, host, proto), ...proxies.map((hop) => `for=${nodeOf(hop)}`), ours].join(", ")
}

/** What the client asked for and how, as reported or else as we see it. */
interface Story {
  readonly host: string
  readonly proto: string
  /** "" = unknown. */
  readonly port: string
}

function storyOf(facts: ForwardingFacts): Story {
  const { report, localPort } = facts
  if (report === undefined) {
    return { host: facts.host, proto: facts.proto, port: localPort === 0 ? "" : String(localPort) }
  }
  const { host = facts.host, proto = facts.proto } = report
  // Our own port is not the one that the client of a proxy connected to.
  return { host, proto, port: /:(\d+)$/.exec(host)?.[1] ?? DEFAULT_PORTS.get(proto) ?? "" }
}

function elementOf(node: ClientAddress, host: string, proto: string): string {
  return `for=${nodeOf(node)};host="${host}";proto=${proto}`
}

/** RFC 7239 §6: an IPv6 address stands in brackets, and so in quotes. */
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

/** The values of all fields with this name that are not empty. */
function membersOf(fields: readonly Field[], name: string): string[] {
  return valuesOf(fields, name).filter((value) => value !== "")
}
