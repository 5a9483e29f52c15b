/** `log.sample`: which sessions are logged. */
import type { SessionSummary } from "./session-summary.js"

const HASHES = 2 ** 32

/**
 * Whether this session is logged, as one of every `sample` sessions. The choice depends on the request id, so
 * that all lines of a session are kept or none, also across several rws; without an id it depends on the
 * client's address.
 */
export function isSampled({ requestId, client }: Readonly<SessionSummary>, sample: number): boolean {
  return sample === 1 || hash(requestId ?? client) < HASHES / sample
}

/** FNV-1a with MurmurHash3's last step, without which similar ids get similar hashes. */
function hash(text: string): number {
  let bits = 0x811c9dc5
  for (let at = 0; at < text.length; at++) bits = Math.imul(bits ^ text.charCodeAt(at), 0x01000193)
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b)
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35)
  return (bits ^ (bits >>> 16)) >>> 0
}
