import t from "tap"
import { CLOSE_REASONS, type CloseReason, SessionEnd } from "../../lib/close-reason.js"
import { type Log, LogObserver, SILENT } from "../../lib/ops/log.js"
import type { SessionSummary } from "../../lib/ops/session-summary.js"

type Level = keyof Log
type Line = { level: Level; fields: Record<string, unknown>; message: string }

const SESSION: SessionSummary = {
  listener: "chat",
  client: "192.0.2.1:50000",
  backend: "chat-1:9000",
  path: "/chat",
  status: 101,
  bytesFromClient: 5,
  bytesFromBackend: 7,
  dialMs: 1,
  handshakeMs: 2,
  tunnelMs: 3,
}

function remember(): { lines: Line[]; log: Log } {
  const lines: Line[] = []
  const at = (level: Level) => (fields: object, message: string) => {
    lines.push({ level, fields: { ...fields }, message })
  }
  return { lines, log: { error: at("error"), warn: at("warn"), info: at("info"), debug: at("debug") } }
}

function logSession(log: Log, end: SessionEnd): void {
  const { who } = CLOSE_REASONS[end.reason]
  new LogObserver(log).sessionEnded({ ...SESSION, reason: end.reason, who }, end)
}

const LEVELS: Partial<Record<CloseReason, Level>> = {
  client_aborted_in_head: "debug",
  status_request: "debug",
  internal_error: "error",
  no_backend: "warn",
  local_exhaustion: "warn",
  resolve_failed: "warn",
  resolve_timeout: "warn",
  backend_unreachable: "warn",
  connect_timeout: "warn",
  no_response: "warn",
  bad_response: "warn",
  response_too_large: "warn",
  bad_101: "warn",
  handshake_timeout: "warn",
  response_truncated: "warn",
}

for (const reason of Object.keys(CLOSE_REASONS) as CloseReason[]) {
  const level = LEVELS[reason] ?? "info"
  const message = CLOSE_REASONS[reason].status === undefined ? "session ended" : "session refused"
  t.test(`a session that ends by ${reason} logs one line, "${message}", at ${level}`, async (t) => {
    const { lines, log } = remember()
    logSession(log, new SessionEnd(reason, "because"))
    t.equal(lines.length, 1)
    t.match(lines[0], { level, message, fields: { reason, ended_by: CLOSE_REASONS[reason].who } })
    t.match(lines[0]?.fields.detail, /: because$/)
  })
}

t.test("a session's line has its addresses, its path, bytes each way and durations", async (t) => {
  const { lines, log } = remember()
  logSession(log, new SessionEnd("client_fin"))
  t.match(lines[0]?.fields, {
    listener: "chat",
    client: "192.0.2.1:50000",
    backend: "chat-1:9000",
    path: "/chat",
    status: 101,
    bytes_from_client: 5,
    bytes_from_backend: 7,
    dial_ms: 1,
    handshake_ms: 2,
    tunnel_ms: 3,
  })
})

t.test("a system error is logged without a stack trace", async (t) => {
  const { lines, log } = remember()
  const each = [new Error("connect ECONNREFUSED ::1:9"), new Error("connect ECONNREFUSED 127.0.0.1:9")]
  new LogObserver(log).dialFailed(
    "chat",
    "localhost:9",
    new SessionEnd("backend_unreachable", "", new AggregateError(each)),
  )
  logSession(log, new SessionEnd("backend_reset", "", new Error("read ECONNRESET")))
  const [dial, session] = lines
  t.match(dial, {
    level: "warn",
    fields: { backend: "localhost:9", error: "connect ECONNREFUSED ::1:9; connect ECONNREFUSED 127.0.0.1:9" },
  })
  t.equal(session?.fields.error, "read ECONNRESET")
  t.equal(session?.fields.err, undefined)
})

t.test("an error of our own is logged whole, since its stack trace is what we need", async (t) => {
  const { lines, log } = remember()
  const bug = new TypeError("that should not be")
  logSession(log, new SessionEnd("internal_error", "", bug))
  t.equal(lines[0]?.fields.err, bug)
})

t.test("the silent log takes every level", async (t) => {
  for (const level of ["error", "warn", "info", "debug"] as const) t.equal(SILENT[level]({}, ""), undefined)
})
