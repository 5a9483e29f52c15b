/** The page that Prometheus scrapes. Loaded only with an admin server, since it loads prom-client. */
import { existsSync } from "node:fs"
import { readdir } from "node:fs/promises"
import { collectDefaultMetrics, Gauge, type Metric, Registry } from "prom-client"
import { BACKEND_FAMILIES } from "./backend-families.js"
import type { Family } from "./family.js"
import { LISTENER_FAMILIES } from "./listener-families.js"
import { PROCESS_FAMILIES } from "./process-families.js"
import type { MetricsSource } from "./source.js"

/** The metrics of rws, in the order in which they are shown. */
export const FAMILIES: readonly Family[] = [...PROCESS_FAMILIES, ...LISTENER_FAMILIES, ...BACKEND_FAMILIES]

/** Only on Linux. */
const DESCRIPTORS = "/proc/self/fd"

/**
 * - Lists of all sockets, requests and descriptors: all tunnels wait for them, 10 ms and more with 10,000.
 * - The event loop of the main thread, which each scrape forgets: `LoopDelay` measures every thread.
 */
const LEFT_OUT = /^(nodejs_active_|nodejs_eventloop_lag|process_open_fds$)/

/** CPU, memory and garbage collection: of the process, whatever proxies there are in it. */
const ofProcess = new Registry()
collectDefaultMetrics({ register: ofProcess, eventLoopMonitoringPrecision: 1000 })
for (const { name } of ofProcess.getMetricsAsArray()) {
  if (LEFT_OUT.test(name)) ofProcess.removeSingleMetric(name)
}
if (existsSync(DESCRIPTORS)) {
  new Gauge({
    name: "process_open_fds",
    help: "Number of open file descriptors.",
    registers: [ofProcess],
    async collect() {
      const names = await readdir(DESCRIPTORS)
      // One of them is the folder itself.
      this.set(names.length - 1)
    },
  })
}

export class Metrics {
  readonly #registry = new Registry()

  constructor(source: MetricsSource) {
    for (const family of FAMILIES) this.#registry.registerMetric(toMetric(family, source))
  }

  /** The Content-Type of `text`. */
  get contentType(): string {
    return this.#registry.contentType
  }

  /** All metrics in Prometheus's text format. */
  async text(): Promise<string> {
    return `${await this.#registry.metrics()}\n${await ofProcess.metrics()}`
  }
}

/**
 * prom-client's own metrics count for themselves. These are read when somebody asks, and a registry calls
 * nothing else than `get`.
 */
function toMetric({ name, type, help, read }: Family, source: MetricsSource): Metric {
  const metric = {
    name,
    help,
    async get() {
      const values = read(source).map(({ labels, value, suffix = "" }) => ({
        labels,
        value,
        metricName: name + suffix,
      }))
      return { name, help, type, values, aggregator: "sum" }
    },
  }
  return metric as unknown as Metric
}
