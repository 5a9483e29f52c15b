import t from "tap"
import { CLOSE_REASONS, type CloseReason, SessionEnd } from "../../lib/close-reason.js"
import { type Config, logSchema } from "../../lib/config/schema.js"
import { type Log, LogObserver, SILENT } from "../../lib/ops/log.js"
import { LogDetail } from "../../lib/ops/log-detail.js"
import type { SessionSummary } from "../../lib/ops/session-summary.js"
import { createCells } from "../../lib/shared/cells.js"

type Level = Exclude<keyof Log, "level">
type Line = { level: Level; fields: Record<string, unknown>; message: string }

const SESSION: SessionSummary = {
  listener: "chat",
  client: "192.0.2.1:50000",
  startedAt: 0,
  host: "chat.example",
  origin: "https://app.example",
  userAgent: "ws",
  route: "2 /chat",
  pool: "main",
  endpoint: "room-7",
  subprotocol: "chat.v2",
  requestId: "id-1",
  traceparent: "00-1-2-01",
  backend: "chat-1:9000",
  path: "/chat",
  status: 101,
  bytesFromClient: 5,
  bytesFromBackend: 7,
  headMs: 0.5,
  dialMs: 1,
  handshakeMs: 2,
  tunnelMs: 3,
}

function remember(): { lines: Line[]; log: Log } {
  const lines: Line[] = []
  const at = (level: Level) => (fields: object, message: string) => {
    lines.push({ level, fields: { ...fields }, message })
  }
  const log = {
    error: at("error"),
    warn: at("warn"),
    info: at("info"),
    debug: at("debug"),
    trace: at("trace"),
  }
  return { lines, log }
}

/** By a configuration's `[log]`, at this level of the log. */
function observe(written: Config["log"] = {}, level?: string) {
  const { lines, log } = remember()
  const levelled: Log = level === undefined ? log : { ...log, level }
  const observer = new LogObserver(levelled)
  const detail = new LogDetail(createCells(1))
  observer.logSettings(logSchema.parse(written), detail)
  return { lines, log: levelled, observer, detail }
}

function logSession(log: Log, end: SessionEnd): void {
  const { who } = CLOSE_REASONS[end.reason]
  new LogObserver(log).sessionEnded({ ...SESSION, reason: end.reason, who }, end)
}

const LEVELS: Partial<Record<CloseReason, Level>> = {
  client_aborted_in_head: "debug",
  status_request: "debug",
  internal_error: "error",
  keys_unavailable: "warn",
  auth_failed: "warn",
  auth_timeout: "warn",
  hook_failed: "error",
  hook_timeout: "warn",
  registry_failed: "warn",
  destination_refused: "warn",
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
    host: "chat.example",
    origin: "https://app.example",
    user_agent: "ws",
    route: "2 /chat",
    pool: "main",
    endpoint: "room-7",
    subprotocol: "chat.v2",
    request_id: "id-1",
    traceparent: "00-1-2-01",
    status: 101,
    bytes_from_client: 5,
    bytes_from_backend: 7,
    head_ms: 0.5,
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

const ENDED = { ...SESSION, reason: "client_fin", who: "client" } as const
const FIN = new SessionEnd("client_fin")

t.test("a tunnel's begin has a line only with log.open", async (t) => {
  const silent = observe({}, "info")
  silent.observer.tunnelOpened(SESSION)
  t.strictSame(silent.lines, [])
  const { lines, observer } = observe({ open: true }, "info")
  observer.tunnelOpened(SESSION)
  t.match(lines, [
    { level: "info", message: "session opened", fields: { client: SESSION.client, route: "2 /chat" } },
  ])
  t.equal(lines[0]?.fields.reason, undefined)
})

t.test(
  "with log.sample some sessions are logged, with both of their lines or none, and the number",
  async (t) => {
    const { lines, observer } = observe({ open: true, sample: 4 })
    for (let index = 0; index < 400; index++) {
      const requestId = `id-${index}`
      observer.tunnelOpened({ ...SESSION, requestId })
      observer.sessionEnded({ ...ENDED, requestId }, FIN)
    }
    const idsOf = (message: string) =>
      lines.filter((line) => line.message === message).map(({ fields }) => fields.request_id)
    t.strictSame(idsOf("session opened"), idsOf("session ended"))
    t.ok(lines.length > 100 && lines.length < 300, `${lines.length} lines`)
    for (const { fields } of lines) t.equal(fields.sample, 4)
  },
)

t.test("warnings and errors are logged whatever log.sample says, and stand for one session", async (t) => {
  const { lines, observer } = observe({ sample: 1_000_000 })
  for (const reason of ["backend_unreachable", "internal_error"] as const) {
    observer.sessionEnded({ ...ENDED, reason }, new SessionEnd(reason))
  }
  t.match(lines, [{ level: "warn" }, { level: "error" }])
  for (const { fields } of lines) t.equal(fields.sample, undefined)
})

t.test("log.redact hides fields of the request, and of no other name", async (t) => {
  const { lines, observer } = observe({ redact: ["header:User-Agent", "header:sec-websocket-protocol"] })
  observer.sessionEnded(ENDED, FIN)
  t.match(lines[0]?.fields, {
    host: "chat.example",
    origin: "https://app.example",
    user_agent: "[redacted]",
    subprotocol: "[redacted]",
  })
})

t.test("a head is logged at trace, without what log.redact hides", async (t) => {
  const { lines, observer } = observe({}, "trace")
  const head = "GET /chat?token=secret HTTP/1.1\r\nHost: a\r\nCookie: secret\r\nX-Key: secret\r\n\r\n"
  observer.sessionStep(SESSION, { level: "trace", text: "head", head, hidden: ["x-key"] })
  t.match(lines, [
    {
      level: "trace",
      message: "head",
      fields: {
        client: SESSION.client,
        head: ["GET /chat?token=[redacted] HTTP/1.1", "Host: a", "Cookie: [redacted]", "X-Key: [redacted]"],
      },
    },
  ])
})

const DETAILS: [level: string | undefined, isDebug: boolean, isTrace: boolean][] = [
  ["trace", true, true],
  ["debug", true, false],
  ["info", false, false],
  ["silent", false, false],
  [undefined, false, false],
]

for (const [level, isDebug, isTrace] of DETAILS) {
  t.test(`sessions tell debug ${isDebug} and trace ${isTrace} to a log of level ${level}`, async (t) => {
    const { detail } = observe({}, level)
    t.equal(detail.isDebug, isDebug)
    t.equal(detail.isTrace, isTrace)
  })
}

t.test("a line that the log does not show is not even composed", async (t) => {
  const { lines, log, observer } = observe({ open: true }, "warn")
  const session = {
    ...ENDED,
    get path(): string {
      throw new Error("it was asked for")
    },
  }
  observer.tunnelOpened(session)
  observer.sessionEnded(session, FIN)
  t.strictSame(lines, [])
  log.level = "info"
  t.throws(() => observer.sessionEnded(session, FIN))
})

t.test("sessions follow when the log's owner changes its level", async (t) => {
  const { log, observer, detail } = observe({}, "info")
  log.level = "debug"
  observer.sessionEnded(ENDED, FIN)
  t.equal(detail.isDebug, true)
  log.level = "info"
  observer.tunnelOpened(SESSION)
  t.equal(detail.isDebug, false)
})
