/** Fields that belong to one connection and are never forwarded (RFC 9110 §7.6.1). */

const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "transfer-encoding",
  "upgrade",
])

/**
 * Whether the field with this lower-case name is hop-by-hop. A sender adds names to the fixed ones by listing
 * them in Connection.
 * @param listed the members of Connection, in lower case
 */
export function isHopByHop(name: string, listed: readonly string[]): boolean {
  return HOP_BY_HOP.has(name) || listed.includes(name)
}

/**
 * Whether the handshake itself needs the field with this lower-case name, so that Connection must not name it
 * (RFC 9110 §7.6.1). Without it the next server would see another request than the one that was checked.
 */
export function isNeverHopByHop(name: string): boolean {
  return name === "host" || name === "content-length" || name.startsWith("sec-websocket-")
}
