import t from "tap"
import { readTrace } from "../../lib/forwarding/trace-fields.js"
import type { Fields } from "../support/http/heads.js"
import { requested } from "../support/http/requested.js"

const RECEIVED = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
const MADE_ID = "a".repeat(32)
const MADE = `00-${MADE_ID}-${"b".repeat(16)}-01`

interface Case {
  readonly what: string
  readonly fields: Fields
  readonly isTrusted?: boolean
  readonly requestId: string
  readonly traceparent: string
  readonly removesState?: boolean
}

const CASES: readonly Case[] = [
  { what: "a request without any", fields: {}, requestId: MADE_ID, traceparent: MADE },
  {
    what: "a client's own",
    fields: { "X-Request-ID": "forged", traceparent: RECEIVED, tracestate: "a=b" },
    isTrusted: false,
    requestId: MADE_ID,
    traceparent: MADE,
    removesState: true,
  },
  {
    what: "those of a trusted proxy",
    fields: { "x-request-id": "7f3a/1", TraceParent: RECEIVED, tracestate: "a=b" },
    requestId: "7f3a/1",
    traceparent: RECEIVED,
  },
  {
    what: "a traceparent alone",
    fields: { traceparent: RECEIVED },
    requestId: "4bf92f3577b34da6a3ce929d0e0e4736",
    traceparent: RECEIVED,
  },
  { what: "an X-Request-ID alone", fields: { "X-Request-ID": "id" }, requestId: "id", traceparent: MADE },
  {
    what: "a traceparent that is not valid",
    fields: { traceparent: `${RECEIVED}-more`, tracestate: "a=b" },
    requestId: MADE_ID,
    traceparent: MADE,
    removesState: true,
  },
  {
    what: "two X-Request-ID fields",
    fields: { "X-Request-ID": ["one", "two"] },
    requestId: MADE_ID,
    traceparent: MADE,
  },
  {
    what: "an X-Request-ID with white space",
    fields: { "X-Request-ID": "one two" },
    requestId: MADE_ID,
    traceparent: MADE,
  },
  { what: "an empty X-Request-ID", fields: { "X-Request-ID": "" }, requestId: MADE_ID, traceparent: MADE },
  {
    what: "an X-Request-ID of 129 characters",
    fields: { "X-Request-ID": "a".repeat(129) },
    requestId: MADE_ID,
    traceparent: MADE,
  },
]

for (const { what, fields, isTrusted = true, requestId, traceparent, removesState = false } of CASES) {
  t.test(`${what}: the backend gets ${requestId} and ${traceparent}`, async (t) => {
    const trace = readTrace(requested("/", fields).fields, isTrusted, () => MADE)
    t.equal(trace.requestId, requestId)
    t.equal(trace.traceparent, traceparent)
    const edits = trace.edits.map(({ action, name, value }) => [action, name, value])
    const state = removesState ? [["remove", "tracestate", ""]] : []
    t.strictSame(edits, [["set", "X-Request-ID", requestId], ["set", "traceparent", traceparent], ...state])
  })
}

t.test("new ids are random", async (t) => {
  const { fields } = requested("/")
  const ids = Array.from({ length: 1000 }, () => readTrace(fields, false).traceparent)
  t.equal(new Set(ids).size, ids.length)
  for (const id of ids) t.match(id, /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)
})
