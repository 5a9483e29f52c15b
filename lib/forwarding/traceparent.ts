/** The traceparent field of W3C Trace Context, level 1. "Section" in this file refers to that. */

/** Section 3.2.2: version, trace-id, parent-id, flags; a later version may append more behind a "-". */
const FORM = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/
const VERSION = "00"
const INVALID_VERSION = "ff"
const ONLY_ZEROS = /^0+$/
const SAMPLED = 1
const TRACE_ID_LENGTH = 32

/** How many random bytes `makeTraceparent` takes: 16 for the trace-id, 8 for the parent-id. */
export const TRACEPARENT_BYTES = 24

const TRACE_ID_AT = 3
const PARENT_ID_AT = TRACE_ID_AT + TRACE_ID_LENGTH + 1
/** `makeTraceparent` writes its digits into it. */
const made = Buffer.from(`${VERSION}-${"0".repeat(TRACE_ID_LENGTH)}-${"0".repeat(16)}-01`)
const HEX_DIGITS = Buffer.from("0123456789abcdef")

/**
 * Reads the values of all traceparent fields of a request. Returns the one to pass on: as it is if it has
 * version 00, else in that form (section 3.2.4). Returns undefined if there is not exactly one valid field.
 */
export function readTraceparent([value, ...more]: readonly string[]): string | undefined {
  if (value === undefined || more.length > 0) return undefined
  const [, version, traceId = "", parentId = "", flags = "", rest] = FORM.exec(value) ?? []
  if (version === undefined || version === INVALID_VERSION) return undefined
  if (ONLY_ZEROS.test(traceId) || ONLY_ZEROS.test(parentId)) return undefined
  if (version === VERSION) return rest === undefined ? value : undefined
  const isSampled = (Number.parseInt(flags, 16) & SAMPLED) !== 0
  return `${VERSION}-${traceId}-${parentId}-${isSampled ? "01" : "00"}`
}

/**
 * Begins a trace. It is marked as sampled: most tracers drop what belongs to a trace that is not, so the
 * backend would record nothing. Written byte by byte: a text of joined parts would take three times the
 * memory for the life of a tunnel.
 * @param random bytes, of which `TRACEPARENT_BYTES` from `start` on are used
 */
export function makeTraceparent(random: Uint8Array, start = 0): string {
  let at = TRACE_ID_AT
  for (let index = start; index < start + TRACEPARENT_BYTES; index++) {
    const byte = random[index] ?? 0
    made[at++] = HEX_DIGITS[byte >> 4] ?? 0
    made[at++] = HEX_DIGITS[byte & 15] ?? 0
    if (at === PARENT_ID_AT - 1) at++
  }
  return made.toString("latin1")
}

/** The trace-id of a valid traceparent of version 00. */
export function traceIdOf(traceparent: string): string {
  return traceparent.slice(TRACE_ID_AT, TRACE_ID_AT + TRACE_ID_LENGTH)
}
