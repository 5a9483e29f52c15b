import t from "tap"
import { CLOSE_REASONS, type CloseReason, SessionEnd, type Stage, toSessionEnd } from "../lib/close-reason.js"
import { readProjectFile, sourcesIn } from "./support/project/project.js"

const rows = Object.entries(CLOSE_REASONS)

t.test("every code is snake_case", async (t) => {
  for (const [reason] of rows) t.match(reason, /^[a-z]+(_[a-z0-9]+)*$/)
})

t.test("every text is one line of printable ASCII that a colon can follow", async (t) => {
  for (const [reason, { text }] of rows) {
    t.match(text, /^[\x20-\x7e]+$/, reason)
    t.notMatch(text, /^\s|[\s.:]$|^[A-Z][a-z]+ /, reason)
  }
})

t.test("an end by FIN is called normal and says whose FIN came first", async (t) => {
  for (const who of ["client", "backend"] as const) {
    const row = CLOSE_REASONS[`${who}_fin`]
    const text = `closed normally; the ${who} sent the first FIN`
    t.strictSame(row, { who, stage: "tunnel", level: "info", text })
  }
})

t.test("no two reasons have the same text", async (t) => {
  t.equal(new Set(rows.map(([, { text }]) => text)).size, rows.length)
})

/** Section 5 of the design. What is not here gets no answer of ours. */
const STATUS: { readonly [reason in CloseReason]?: number } = {
  too_many_connections: 503,
  too_many_pending: 503,
  too_many_from_client: 429,
  rate_limited: 429,
  bad_proxy_header: 400,
  head_too_large: 431,
  head_timeout: 408,
  bad_request: 400,
  bad_version: 400,
  bad_method: 400,
  bad_target: 400,
  bad_host: 400,
  has_body: 400,
  bad_upgrade: 400,
  bad_key: 400,
  bad_ws_version: 426,
  bad_forwarded: 400,
  no_route: 404,
  bad_origin: 403,
  no_token: 401,
  bad_token: 401,
  keys_unavailable: 503,
  auth_failed: 502,
  auth_timeout: 504,
  hook_failed: 500,
  hook_timeout: 504,
  no_endpoint_key: 400,
  unknown_endpoint: 404,
  inactive_endpoint: 403,
  endpoint_full: 503,
  registry_failed: 503,
  destination_refused: 403,
  no_backend: 503,
  local_exhaustion: 503,
  resolve_failed: 502,
  resolve_timeout: 504,
  backend_unreachable: 502,
  connect_timeout: 504,
  no_response: 502,
  bad_response: 502,
  response_too_large: 502,
  bad_101: 502,
  handshake_timeout: 504,
  internal_error: 500,
}

t.test("a reason has the status of the design's table, and none where rws sends no response", async (t) => {
  const statuses = rows.flatMap(([reason, { status }]) => (status === undefined ? [] : [[reason, status]]))
  t.same(Object.fromEntries(statuses), STATUS)
})

t.test(
  "only a failed dial moves on to another backend, and only the backend's own failure counts against it",
  async (t) => {
    const retried = rows.filter(([, { retry }]) => retry)
    t.same(
      retried.map(([reason, { charged = false }]) => [reason, charged]),
      [
        ["local_exhaustion", false],
        ["resolve_failed", false],
        ["resolve_timeout", false],
        ["backend_unreachable", true],
        ["connect_timeout", true],
      ],
    )
    for (const [reason, { stage, retry }] of rows) if (retry) t.equal(stage, "dial", reason)
  },
)

t.test(
  "everything that goes wrong in a dial or a handshake through the backend's fault counts against it",
  async (t) => {
    for (const [reason, { who, stage, charged = false }] of rows) {
      t.equal(charged, who === "backend" && (stage === "dial" || stage === "handshake"), reason)
    }
  },
)

t.test("a client that has closed gets no response", async (t) => {
  for (const [reason, { who, status }] of rows) {
    if (!/left|closed|reset/.test(reason)) continue
    t.equal(who, reason.startsWith("client") ? "client" : "backend", reason)
    t.equal(status, undefined, reason)
  }
})

const ANSWERED_STAGES: readonly Stage[] = [
  "accept",
  "head",
  "validate",
  "route",
  "authorize",
  "dial",
  "handshake",
]

t.test("once a backend's response is being relayed, rws sends none of its own", async (t) => {
  for (const [reason, { stage, status }] of rows) {
    if (status !== undefined) t.ok(ANSWERED_STAGES.includes(stage), reason)
  }
})

t.test(
  "a status says whose fault it was: 4xx the client's, 502 and 504 the backend's, 500 and 503 ours",
  async (t) => {
    for (const [reason, { who, status }] of rows) {
      if (status === undefined) continue
      // A name is resolved for the sake of a backend, which is not to blame for it. What rws has asked has
      // failed it, or has led to a place that the configuration forbids.
      if (/^(resolve|auth|hook|destination)_/.test(reason)) {
        t.equal(who, "proxy", reason)
        continue
      }
      const blamed = status < 500 ? "client" : status === 502 || status === 504 ? "backend" : "proxy"
      t.equal(who, blamed, reason)
    }
  },
)

t.test("every reason is given somewhere in lib", async (t) => {
  const sources = sourcesIn("lib")
    .filter((path) => path !== "lib/close-reason.ts")
    .map(readProjectFile)
    .join("\n")
  for (const [reason] of rows) t.match(sources, `"${reason}"`)
})

t.test("the message of a session's end is the reason's text", async (t) => {
  const { name, reason, detail, message } = new SessionEnd("bad_key")
  t.equal(message, CLOSE_REASONS.bad_key.text)
  t.same({ name, reason, detail }, { name: "SessionEnd", reason: "bad_key", detail: "" })
})

t.test("the message of a session's end is the reason's text, then the detail", async (t) => {
  const cause = new Error("why")
  const end = new SessionEnd("bad_key", "there is none", cause)
  t.equal(end.message, `${CLOSE_REASONS.bad_key.text}: there is none`)
  t.equal(end.detail, "there is none")
  t.equal(end.cause, cause)
})

t.test("an error with a reason keeps it; any other gets the fallback reason", async (t) => {
  const own = new SessionEnd("bad_key")
  t.equal(toSessionEnd(own, "internal_error"), own)
  const system = new Error("read ECONNRESET")
  t.match(toSessionEnd(system, "client_reset"), { reason: "client_reset", cause: system })
  t.match(toSessionEnd(undefined, "no_response"), { reason: "no_response", cause: undefined })
})
