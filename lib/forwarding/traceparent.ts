/** The traceparent field of W3C Trace Context, level 1. "Section" in this file refers to that. */

/** Section 3.2.2: version, trace-id, parent-id, flags; a later version may append more behind a "-". */
const FORM = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/
const VERSION = "00"
const INVALID_VERSION = "ff"
const ONLY_ZEROS = /^0+$/
const SAMPLED = 1
const TRACE_ID_LENGTH = 32

/** Random hex digits, in lower case, that `makeTraceparent` takes. */
export const TRACEPARENT_DIGITS = TRACE_ID_LENGTH + 16

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
 * backend would record nothing.
 * @param digits `TRACEPARENT_DIGITS` random ones
 */
export function makeTraceparent(digits: string): string {
  return `${VERSION}-${digits.slice(0, TRACE_ID_LENGTH)}-${digits.slice(TRACE_ID_LENGTH)}-01`
}

/** The trace-id of a valid traceparent of version 00. */
export function traceIdOf(traceparent: string): string {
  return traceparent.slice(3, 3 + TRACE_ID_LENGTH)
}
