import t from "tap"
import { SessionEnd } from "../../lib/close-reason.js"
import { LISTENER_FAMILIES } from "../../lib/metrics/listener-families.js"
import { Meter } from "../../lib/metrics/meter.js"
import { createMeterRow } from "../../lib/metrics/meter-cells.js"
import { ProcessCounts } from "../../lib/metrics/process-counts.js"
import type { MetricsSource } from "../../lib/metrics/source.js"
import type { EndedSession, SessionSummary } from "../../lib/ops/session-summary.js"

const SUMMARY: SessionSummary = {
  listener: "chat",
  client: "a:1",
  startedAt: 0,
  bytesFromClient: 0,
  bytesFromBackend: 0,
}

function ended(reason: SessionEnd["reason"], more: Partial<EndedSession> = {}): EndedSession {
  return { ...SUMMARY, reason, who: "client", ...more }
}

/** A listener with this many threads, and a function that reads a metric over all of them. */
function start(threads: number) {
  const rows = Array.from({ length: threads }, () => new Float64Array(createMeterRow()))
  const unlimited = { taken: 0, max: 0 }
  const source: MetricsSource = {
    version: "0",
    counts: new ProcessCounts(),
    isReady: () => true,
    listeners: () => [{ name: "chat", meters: rows, connections: { taken: 5, max: 9 }, pending: unlimited }],
    pools: () => [],
    loops: () => [],
    sockets: () => ({ sessions: unlimited, lingering: unlimited }),
  }
  const read = (name: string) => {
    const family = LISTENER_FAMILIES.find((family) => family.name === name)
    return family?.read(source) ?? []
  }
  return { meters: rows.map((row) => new Meter(row)), read }
}

t.test("the counts of all threads are added up", async (t) => {
  const { meters, read } = start(3)
  for (const meter of meters) {
    meter.sessionStarted()
    meter.acceptFailed()
    meter.tunnelOpened(SUMMARY)
  }
  meters[1]?.sessionStarted()
  const labels = { listener: "chat" }
  t.same(read("rws_sessions_total"), [{ labels, value: 4 }])
  t.same(read("rws_tunnels_total"), [{ labels, value: 3 }])
  t.same(read("rws_accept_failures_total"), [{ labels, value: 3 }])
})

t.test("ends are counted by reason, and refusals by status", async (t) => {
  const { meters, read } = start(2)
  const reasons = ["bad_key", "bad_host", "no_route", "client_fin", "bad_key"] as const
  for (const [index, reason] of reasons.entries()) {
    meters[index % 2]?.sessionEnded(ended(reason), new SessionEnd(reason))
  }
  const counted = read("rws_session_ends_total").filter(({ value }) => value > 0)
  t.same(
    counted.map(({ labels, value }) => [labels.reason, labels.ended_by, value]),
    [
      ["bad_host", "client", 1],
      ["bad_key", "client", 2],
      ["no_route", "client", 1],
      ["client_fin", "client", 1],
    ],
  )
  const refused = read("rws_refusals_total").filter(({ value }) => value > 0)
  t.same(
    refused.map(({ labels, value }) => [labels.status, value]),
    [
      [400, 3],
      [404, 1],
    ],
  )
})

t.test("the stages of a tunnel are counted when it opens, its duration when it ends", async (t) => {
  const { meters, read } = start(1)
  const [meter] = meters
  const counts = () =>
    ["head", "dial", "handshake", "tunnel"].map(
      (duration) => read(`rws_${duration}_duration_seconds`).find(({ suffix }) => suffix === "_count")?.value,
    )
  const session = { ...SUMMARY, headMs: 1, dialMs: 2, handshakeMs: 3 }
  meter?.tunnelOpened(session)
  t.same(counts(), [1, 1, 1, 0])
  meter?.sessionEnded(ended("client_fin", { ...session, tunnelMs: 4 }), new SessionEnd("client_fin"))
  t.same(counts(), [1, 1, 1, 1])
  meter?.sessionEnded(ended("no_route", { headMs: 1 }), new SessionEnd("no_route"))
  meter?.sessionEnded(ended("no_backend", { headMs: 1, dialMs: 5 }), new SessionEnd("no_backend"))
  t.same(counts(), [3, 2, 1, 1])
})

t.test("a bucket contains those below it", async (t) => {
  const { meters, read } = start(2)
  for (const [index, headMs] of [0.5, 3, 3, 40_000].entries()) {
    meters[index % 2]?.tunnelOpened({ ...SUMMARY, headMs })
  }
  const samples = read("rws_head_duration_seconds")
  const bucket = (le: number | string) => samples.find(({ labels }) => labels.le === le)?.value
  t.same([bucket(0.001), bucket(0.0025), bucket(0.005), bucket(30), bucket("+Inf")], [1, 1, 3, 3, 4])
  t.equal(samples.find(({ suffix }) => suffix === "_sum")?.value, 40.0065)
})

t.test("a limit has a sample, and an unlimited number has none", async (t) => {
  const { read } = start(1)
  t.same(read("rws_live_sessions"), [{ labels: { listener: "chat" }, value: 5 }])
  t.same(read("rws_live_sessions_limit"), [{ labels: { listener: "chat" }, value: 9 }])
  t.same(read("rws_pending_sessions_limit"), [])
})
