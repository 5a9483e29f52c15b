/** The metrics of listeners: sessions, tunnels, ends, refusals, bytes and durations. */
import { CLOSE_REASONS } from "../close-reason.js"
import { type Family, limitFamilies, type Sample } from "./family.js"
import {
  BUCKETS,
  CELL,
  DURATIONS,
  type Duration,
  HISTOGRAM_CELL,
  REASON_CELL,
  REASONS,
} from "./meter-cells.js"
import type { ListenerReading } from "./source.js"

const DURATION_HELP: Readonly<Record<Duration, string>> = {
  head: "Time from the accept until the request head was complete.",
  dial: "Time from the first dial until a backend was connected or the last dial failed.",
  handshake: "Time from sending the head until the backend's response head was complete, or it failed.",
  tunnel: "How long tunnels were open; observed when they end.",
}

/** Sum of a cell over all threads. */
function sumOf({ meters }: ListenerReading, cell: number): number {
  return meters.reduce((sum, row) => sum + (row[cell] ?? 0), 0)
}

/** One sample for each listener. */
function family(
  name: string,
  type: "counter" | "gauge",
  help: string,
  read: (reading: ListenerReading) => number,
): Family {
  return {
    name,
    type,
    help,
    labelNames: ["listener"],
    read: (source) =>
      source.listeners().map((reading) => ({ labels: { listener: reading.name }, value: read(reading) })),
  }
}

/** Buckets are counted separately in the row, and cumulatively in samples, as Prometheus defines them. */
function histogramOf(reading: ListenerReading, duration: Duration): Sample[] {
  const labels = { listener: reading.name }
  const first = HISTOGRAM_CELL[duration]
  const buckets = BUCKETS[duration]
  let count = 0
  const samples = [...buckets, "+Inf"].map((le, index): Sample => {
    count += sumOf(reading, first + index)
    return { labels: { le, ...labels }, value: count, suffix: "_bucket" }
  })
  const sum = sumOf(reading, first + buckets.length + 1)
  return [...samples, { labels, value: sum, suffix: "_sum" }, { labels, value: count, suffix: "_count" }]
}

/** A refusal is an end whose reason has a status. */
function refusalsOf(reading: ListenerReading): Sample[] {
  const byStatus = new Map<number, number>()
  for (const reason of REASONS) {
    const { status } = CLOSE_REASONS[reason]
    if (status === undefined) continue
    byStatus.set(status, (byStatus.get(status) ?? 0) + sumOf(reading, REASON_CELL[reason]))
  }
  return [...byStatus].map(([status, value]) => ({ labels: { listener: reading.name, status }, value }))
}

export const LISTENER_FAMILIES: readonly Family[] = [
  ...limitFamilies(
    "rws_live_sessions",
    "Sessions currently open, from accept to close or refusal, including tunnels.",
    ["listener"],
    (source) =>
      source.listeners().map(({ name, connections }) => ({ labels: { listener: name }, limit: connections })),
  ),
  ...limitFamilies(
    "rws_pending_sessions",
    "Sessions currently open that have no tunnel yet.",
    ["listener"],
    (source) =>
      source.listeners().map(({ name, pending }) => ({ labels: { listener: name }, limit: pending })),
  ),
  family("rws_live_tunnels", "gauge", "Tunnels currently open.", ({ connections, pending }) =>
    // A session may have ended between the two reads.
    Math.max(0, connections.taken - pending.taken),
  ),
  family("rws_sessions_total", "counter", "Sessions begun: accepted connections.", (reading) =>
    sumOf(reading, CELL.sessions),
  ),
  family("rws_tunnels_total", "counter", "Tunnels opened: clients that got their 101.", (reading) =>
    sumOf(reading, CELL.tunnels),
  ),
  family(
    "rws_accept_failures_total",
    "counter",
    "Clients that could not be accepted, for example for lack of descriptors.",
    (reading) => sumOf(reading, CELL.acceptFailures),
  ),
  {
    name: "rws_session_ends_total",
    type: "counter",
    help: "Sessions ended, by close reason and by the side that caused the end.",
    labelNames: ["listener", "reason", "ended_by"],
    read: (source) =>
      source.listeners().flatMap((reading) =>
        REASONS.map((reason) => ({
          labels: { listener: reading.name, reason, ended_by: CLOSE_REASONS[reason].who },
          value: sumOf(reading, REASON_CELL[reason]),
        })),
      ),
  },
  {
    name: "rws_refusals_total",
    type: "counter",
    help: "Clients refused by rws, by HTTP status.",
    labelNames: ["listener", "status"],
    read: (source) => source.listeners().flatMap(refusalsOf),
  },
  {
    name: "rws_tunnel_bytes_total",
    type: "counter",
    help: "Bytes received through tunnels from clients and from backends, updated about every 2 seconds.",
    labelNames: ["listener", "from"],
    read: (source) =>
      source.listeners().flatMap((reading) => [
        { labels: { listener: reading.name, from: "client" }, value: sumOf(reading, CELL.bytesFromClient) },
        { labels: { listener: reading.name, from: "backend" }, value: sumOf(reading, CELL.bytesFromBackend) },
      ]),
  },
  ...DURATIONS.map(
    (duration): Family => ({
      name: `rws_${duration}_duration_seconds`,
      type: "histogram",
      help: DURATION_HELP[duration],
      labelNames: ["listener"],
      read: (source) => source.listeners().flatMap((reading) => histogramOf(reading, duration)),
    }),
  ),
]
