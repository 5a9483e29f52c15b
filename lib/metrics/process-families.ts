/** The metrics of the whole process. */
import { type Family, limitFamilies, single } from "./family.js"
import { DELAY_CELL } from "./loop-delay.js"

type Count = "reloads" | "reloadFailures" | "apiChanges" | "workerDeaths" | "lostSessions"

function counter(name: string, help: string, count: Count): Family {
  return { name, type: "counter", help, labelNames: [], read: ({ counts }) => single(counts[count]) }
}

const DELAYS = { mean: "mean", p99: "99th percentile", max: "maximum" } as const

function delayFamily(statistic: keyof typeof DELAYS): Family {
  return {
    name: `rws_event_loop_delay_${statistic}_seconds`,
    type: "gauge",
    help: `How late the event loop of a thread runs: ${DELAYS[statistic]} of the last 30 to 60 seconds.`,
    labelNames: ["worker"],
    read: (source) =>
      source.loops().map(({ worker, row }) => ({
        labels: { worker },
        value: row[DELAY_CELL[statistic]] ?? 0,
      })),
  }
}

export const PROCESS_FAMILIES: readonly Family[] = [
  {
    name: "rws_build_info",
    type: "gauge",
    help: "Always 1; its labels are the versions of rws and of Node.js.",
    labelNames: ["version", "node"],
    read: ({ version }) => [{ labels: { version, node: process.versions.node }, value: 1 }],
  },
  {
    name: "rws_ready",
    type: "gauge",
    help: "1 while all listeners listen; 0 while rws starts or drains.",
    labelNames: [],
    read: (source) => single(source.isReady() ? 1 : 0),
  },
  counter(
    "rws_reloads_total",
    "Reloads of the configuration that have taken effect, without changes by the admin API.",
    "reloads",
  ),
  counter(
    "rws_reload_failures_total",
    "Reloads that were refused; the configuration before them stayed.",
    "reloadFailures",
  ),
  counter(
    "rws_api_changes_total",
    "Changes by the admin API that have taken effect: backends and the log level.",
    "apiChanges",
  ),
  counter("rws_worker_deaths_total", "Worker threads that died and were replaced.", "workerDeaths"),
  counter(
    "rws_lost_sessions_total",
    "Sessions lost with a worker thread that died; they have no close reason.",
    "lostSessions",
  ),
  delayFamily("mean"),
  delayFamily("p99"),
  delayFamily("max"),
  ...limitFamilies(
    "rws_process_sessions",
    "Live sessions of all listeners together. Their limit follows from the limit of open files (ulimit -n).",
    [],
    (source) => [{ labels: {}, limit: source.sockets().sessions }],
  ),
  ...limitFamilies(
    "rws_lingering_connections",
    "Connections of refused clients that are read until the client closes.",
    [],
    (source) => [{ labels: {}, limit: source.sockets().lingering }],
  ),
]
