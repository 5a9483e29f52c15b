import t from "tap"
import { History } from "../../lib/admin/history.js"
import { CLOSE_REASONS, type CloseReason, SessionEnd } from "../../lib/close-reason.js"
import type { EndedSession, SessionSummary } from "../../lib/ops/session-summary.js"

const SUMMARY: SessionSummary = {
  listener: "front",
  client: "192.0.2.1:5000",
  startedAt: 0,
  bytesFromClient: 0,
  bytesFromBackend: 0,
}

function end(history: History, reason: CloseReason, more: Partial<EndedSession> = {}, detail = ""): void {
  const { who } = CLOSE_REASONS[reason]
  history.sessionEnded({ ...SUMMARY, reason, who, ...more }, new SessionEnd(reason, detail))
}

t.test("the last 200 sessions are remembered, the latest one first, with the reason in words", async (t) => {
  const history = new History(() => Date.UTC(2026, 0, 2, 3, 4, 5))
  t.strictSame(history.ended(), [])
  end(history, "bad_target", { path: "/first" }, "its path holds dot segments")
  t.match(history.ended(), [
    {
      path: "/first",
      reason: "bad_target",
      endedAt: "2026-01-02T03:04:05.000Z",
      text: "the request target is not valid: its path holds dot segments",
    },
  ])
  end(history, "status_request")
  t.equal(history.ended().length, 1, "a probe is not remembered")
  for (let number = 0; number < 450; number++) end(history, "client_fin", { path: `/${number}` })
  const ended = history.ended()
  t.equal(ended.length, 200)
  t.equal(ended[0]?.path, "/449")
  t.equal(ended[199]?.path, "/250")
})

t.test("a backend's last change is remembered", async (t) => {
  let nowMs = 0
  const history = new History(() => nowMs)
  t.equal(history.newsOf("chat", "a:1"), undefined)
  history.healthChanged("chat", { backend: "a:1", isUp: false, reason: "3 attempts failed", forMs: 10 })
  nowMs = 1000
  history.healthChanged("other", { backend: "a:1", isUp: true, reason: "a dial succeeded" })
  t.strictSame(history.newsOf("chat", "a:1"), {
    reason: "3 attempts failed",
    since: "1970-01-01T00:00:00.000Z",
  })
  t.strictSame(history.newsOf("other", "a:1"), {
    reason: "a dial succeeded",
    since: "1970-01-01T00:00:01.000Z",
  })
})

t.test("events tell what happens, as it was at that time", async (t) => {
  const history = new History(() => 0)
  const gone = new AbortController()
  const parts = history.events.subscribe(gone.signal)[Symbol.asyncIterator]()
  await parts.next()
  const summary = { ...SUMMARY }
  history.tunnelOpened(summary)
  summary.bytesFromClient = 7
  end(history, "client_fin", { tunnelMs: 5 })
  end(history, "no_route")
  history.healthChanged("chat", { backend: "a:1", isUp: false, reason: "3 attempts failed", forMs: 10 })
  history.healthChanged("chat", { backend: "a:1", isUp: false, reason: "2 health checks failed" })
  history.healthChanged("chat", { backend: "a:1", isUp: true, reason: "a dial succeeded" })
  history.reloaded(["log.level changed"])
  history.draining("front")
  history.stopped("front", 3)
  history.workerEnded(1, new Error("out of memory"), 7)
  history.workerReplaced(1)
  const { value = "" } = await parts.next()
  const events = [...value.matchAll(/event: (.*)\ndata: (.*)\n/g)].map(([, event, data = ""]) => [
    event,
    JSON.parse(data),
  ])
  t.match(events, [
    ["open", { listener: "front", bytesFromClient: 0 }],
    ["end", { reason: "client_fin", text: CLOSE_REASONS.client_fin.text }],
    ["refuse", { reason: "no_route" }],
    ["backend", { pool: "chat", backend: "a:1", state: "ejected", reason: "3 attempts failed" }],
    ["backend", { state: "down" }],
    ["backend", { state: "up" }],
    ["reload", { changes: ["log.level changed"] }],
    ["drain", { listener: "front" }],
    ["stop", { listener: "front", cut: 3 }],
    ["worker", { worker: 1, state: "ended", sessions: 7, reason: "out of memory" }],
    ["worker", { worker: 1, state: "replaced" }],
  ])
  gone.abort()
  await parts.next()
})
