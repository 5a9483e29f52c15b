import { setImmediate as nextTurn } from "node:timers/promises"
import t from "tap"
import { SessionEnd } from "../../lib/close-reason.js"
import { Observers } from "../../lib/ops/observer.js"
import {
  CallRecorder,
  decode,
  encode,
  type ObserverCalls,
  repeatCalls,
} from "../../lib/ops/observer-calls.js"
import type { EndedSession, SessionSummary } from "../../lib/ops/session-summary.js"

/** As a value arrives in another thread. */
const posted = <Value>(value: Value): Value => structuredClone(value)

t.test("errors keep what the log needs on the way to another thread", async (t) => {
  const refused = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" })
  const both = new AggregateError([refused, new Error("connect ETIMEDOUT")], "both failed")
  const end = decode(posted(encode(new SessionEnd("backend_unreachable", "twice", both))))
  t.ok(end instanceof SessionEnd)
  t.match(end, { reason: "backend_unreachable", detail: "twice", cause: both })
  t.equal((end as SessionEnd).message, "no backend could be reached: twice")
  const { cause } = end as SessionEnd
  t.ok(cause instanceof AggregateError)
  t.match((cause as AggregateError).errors, [{ code: "ECONNREFUSED" }, { message: "connect ETIMEDOUT" }])

  const bug = new TypeError("a bug", { cause: "its cause" })
  const decoded = decode(posted(encode(bug)))
  t.ok(decoded instanceof Error)
  t.match(decoded, { name: "TypeError", message: "a bug", stack: bug.stack, cause: "its cause" })
  t.strictSame(Object.keys(decoded as Error), [], "nothing that a log would repeat")
  t.equal(decode(posted(encode(Symbol("a")))), "Symbol(a)", "what can't be posted becomes text")
  t.equal(decode(posted(encode(undefined))), undefined)
})

t.test("a recorder posts each turn's calls at once, and they are repeated in their order", async (t) => {
  const batches: ObserverCalls[] = []
  const recorder = new CallRecorder(3, (calls) => batches.push(posted(calls)))
  const summary: SessionSummary = {
    listener: "chat",
    client: "1.2.3.4:5",
    startedAt: 0,
    bytesFromClient: 0,
    bytesFromBackend: 0,
  }
  recorder.tunnelOpened(summary)
  const ended: EndedSession = Object.assign(summary, {
    reason: "client_fin",
    who: "client",
    bytesFromClient: 7,
  } as const)
  recorder.sessionEnded(ended, new SessionEnd("client_fin"))
  recorder.healthChanged("main", { backend: "a:1", isUp: false, reason: "a test" })
  recorder.listening()
  t.equal(batches.length, 0)
  await nextTurn()
  t.equal(batches.length, 1)
  recorder.acceptFailed("chat", new Error("EMFILE"))
  recorder.flush()
  t.equal(batches.length, 2, "or earlier, on request")
  await nextTurn()
  t.equal(batches.length, 2)

  const told: unknown[] = []
  const observer = new Observers([
    {
      tunnelOpened: (session) => told.push(["opened", session.worker, session.bytesFromClient]),
      sessionEnded: (session, end) =>
        told.push(["ended", session.worker, session.bytesFromClient, end.message]),
      healthChanged: (pool, { backend }) => told.push([pool, backend]),
      acceptFailed: (listener, { message }) => told.push([listener, message]),
      listening: () => told.push("the main thread says that itself"),
    },
  ])
  for (const calls of batches) repeatCalls(calls, observer)
  t.strictSame(told, [
    ["opened", 3, 0],
    ["ended", 3, 7, "closed normally; the client sent the first FIN"],
    ["main", "a:1"],
    ["chat", "EMFILE"],
  ])
})
