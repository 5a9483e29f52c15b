/**
 * X-Request-ID and traceparent: taken over from a trusted proxy, else made, so that log lines of rws, its
 * neighbours and its backends can be told to belong together.
 */
import { randomFillSync } from "node:crypto"
import { detach } from "../http/detach.js"
import { FieldEdit } from "../http/field-writer.js"
import { type Field, valuesOf } from "../http/head.js"
import { makeTraceparent, readTraceparent, TRACEPARENT_BYTES, traceIdOf } from "./traceparent.js"

export interface Trace {
  /** That of the trusted proxy, else the trace-id. */
  readonly requestId: string
  /** A valid traceparent of version 00. */
  readonly traceparent: string
  /** What the request's fields need for the backend. */
  readonly edits: readonly FieldEdit[]
}

/** What goes into log lines as it is. Proxies send UUIDs, hex digits and base64. */
const REQUEST_ID = /^[A-Za-z0-9._~:/+=@-]{1,128}$/
const WITHOUT_STATE = FieldEdit.remove("tracestate")

/** One call of the system's random source serves this many sessions. */
const pool = Buffer.alloc(256 * TRACEPARENT_BYTES)
let used = pool.length

/**
 * @param isTrusted whether the fields come from a trusted proxy
 * @param make returns a new traceparent
 */
export function readTrace(fields: readonly Field[], isTrusted: boolean, make = randomTraceparent): Trace {
  const received = isTrusted ? readTraceparent(valuesOf(fields, "traceparent")) : undefined
  const traceparent = received === undefined ? make() : detach(received)
  const requestId = (isTrusted ? readRequestId(fields) : undefined) ?? traceIdOf(traceparent)
  const edits = [FieldEdit.set("X-Request-ID", requestId), FieldEdit.set("traceparent", traceparent)]
  // Section 3.3.1.1 of Trace Context: tracestate belongs to the traceparent that it came with.
  if (received === undefined && fields.some(({ name }) => name === "tracestate")) edits.push(WITHOUT_STATE)
  return { requestId, traceparent, edits }
}

/** The value of the only X-Request-ID field, if it is valid. */
function readRequestId(fields: readonly Field[]): string | undefined {
  const [id, ...more] = valuesOf(fields, "x-request-id")
  return id !== undefined && more.length === 0 && REQUEST_ID.test(id) ? detach(id) : undefined
}

function randomTraceparent(): string {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  used += TRACEPARENT_BYTES
  return makeTraceparent(pool, used - TRACEPARENT_BYTES)
}
