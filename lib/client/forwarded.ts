/**
 * The fields that tell a backend who its client is, and by which way it came. Backends believe them, so nothing of the
 * kind gets through from a client that is not a trusted proxy.
 */
import { SessionEnd } from "../close-reason.js"
import { type Field, valuesOf } from "../http/head.js"
import type { ClientAddress } from "./client-address.js"
import { splitElements } from "./forwarded-field.js"

/** Which fields are written: X-Forwarded-For, -Host, -Proto and -Port; Forwarded (RFC 7239); all of them; none. */
export const FORWARDED_MODES = ["x-forwarded", "rfc7239", "both", "off"] as const

export type ForwardedMode = (typeof FORWARDED_MODES)[number]

export interface ForwardingFacts {
  /** Who is next to us: the other end of the connection, or the source in its PROXY header. */
  readonly peer: ClientAddress
  /** Whether the peer is a trusted proxy. */
  readonly isTrusted: boolean
  /** The value of the request's Host field, found to be valid: it holds no quote. */
  readonly host: string
  /** The port that the client connected to; 0 = unknown. */
  readonly localPort: number
  /** All fields of the request. */
  readonly fields: readonly Field[]
}

/** Names of the two families, and what a CGI backend can't tell from them because it reads other characters as "-". */
const NAMES_A_CLIENT = /^(?:forwarded|x[^a-z0-9]forwarded(?:[^a-z0-9].*)?|x[^a-z0-9]real[^a-z0-9]ip)$/
const PLAIN_NAME = /^[a-z0-9-]+$/
/** rws speaks plain TCP to its clients. */
const PROTO = "http"

/**
 * The changes of a request's fields for its backend: lower-case names with the complete lines that stand in for all
 * fields of that name, "" for none. From a trusted peer the lists are appended to and what tells of the
 * first proxy (Host, Proto, Port) is kept; from anyone else all are replaced. "off" changes nothing.
 *
 * Throws `SessionEnd("bad_forwarded")` for a Forwarded field to which nothing can be appended.
 */
export function forwardedChanges(mode: ForwardedMode, facts: ForwardingFacts): Map<string, string> {
  const changes = new Map<string, string>()
  if (mode === "off") return changes
  for (const { name } of facts.fields) {
    if (NAMES_A_CLIENT.test(name) && !(facts.isTrusted && PLAIN_NAME.test(name))) changes.set(name, "")
  }
  if (mode !== "rfc7239") setForwardedFields(changes, facts)
  if (mode !== "x-forwarded") changes.set("forwarded", `Forwarded: ${forwardedValue(facts)}\r\n`)
  return changes
}

function setForwardedFields(changes: Map<string, string>, facts: ForwardingFacts): void {
  const { peer, isTrusted, fields, host, localPort } = facts
  if (peer.ip !== "") {
    const before = isTrusted ? listBefore(fields, "x-forwarded-for") : ""
    changes.set("x-forwarded-for", `X-Forwarded-For: ${before}${peer.ip}\r\n`)
  }
  const isKept = (name: string) => isTrusted && fields.some((field) => field.name === name)
  if (!isKept("x-forwarded-host")) changes.set("x-forwarded-host", `X-Forwarded-Host: ${host}\r\n`)
  if (!isKept("x-forwarded-proto")) changes.set("x-forwarded-proto", `X-Forwarded-Proto: ${PROTO}\r\n`)
  if (localPort !== 0 && !isKept("x-forwarded-port")) {
    changes.set("x-forwarded-port", `X-Forwarded-Port: ${localPort}\r\n`)
  }
}

function forwardedValue({ peer, isTrusted, fields, host }: ForwardingFacts): string {
  const ours = `for=${nodeOf(peer)};host="${host}";proto=${PROTO}`
  if (!isTrusted) return ours
  // Behind an open quote all that follows would be part of a string that somebody else began.
  if (valuesOf(fields, "forwarded").some((value) => splitElements(value) === undefined)) {
    throw new SessionEnd("bad_forwarded", "a quoted string in Forwarded has no end")
  }
  return listBefore(fields, "forwarded") + ours
}

/** RFC 7239 §6: an IPv6 address stands in brackets, and so in quotes. */
function nodeOf({ ip }: ClientAddress): string {
  if (ip === "") return "unknown"
  return ip.includes(":") ? `"[${ip}]"` : ip
}

/** The members that a list has already, ready for one more to be appended. */
function listBefore(fields: readonly Field[], name: string): string {
  let before = ""
  for (const value of valuesOf(fields, name)) if (value !== "") before += `${value}, `
  return before
}
