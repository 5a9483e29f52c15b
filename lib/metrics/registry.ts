/** The page that Prometheus scrapes. Loaded only with an admin server, since it loads prom-client. */
import { existsSync } from "node:fs"
import { readdir } from "node:fs/promises"
import { Gauge, type Metric, Registry } from "prom-client"
import { BACKEND_FAMILIES } from "./backend-families.js"
import type { Family } from "./family.js"
import { LISTENER_FAMILIES } from "./listener-families.js"
import { PROCESS_FAMILIES } from "./process-families.js"
import { RUNTIME_FAMILIES } from "./runtime-families.js"
import type { MetricsSource } from "./source.js"

/** The metrics of rws, in the order of the page. */
export const FAMILIES: readonly Family[] = [...PROCESS_FAMILIES, ...LISTENER_FAMILIES, ...BACKEND_FAMILIES]

/** Only on Linux. */
const DESCRIPTORS = "/proc/self/fd"

export class Metrics {
  readonly #registry = new Registry()

  constructor(source: MetricsSource) {
    for (const family of [...FAMILIES, ...RUNTIME_FAMILIES]) {
      this.#registry.registerMetric(toMetric(family, source))
    }
    if (existsSync(DESCRIPTORS)) addOpenFiles(this.#registry)
  }

  /** The Content-Type of `text`. */
  get contentType(): string {
    return this.#registry.contentType
  }

  /** All metrics in Prometheus's text format. */
  text(): Promise<string> {
    return this.#registry.metrics()
  }
}

/**
 * prom-client's own metric classes keep their values themselves. These are read on each scrape instead: a
 * registry calls only `get`.
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

/** Listed in another thread: with 10,000 descriptors it takes 10 ms, and all tunnels would wait. */
function addOpenFiles(registry: Registry): void {
  new Gauge({
    name: "process_open_fds",
    help: "Number of open file descriptors.",
    registers: [registry],
    async collect() {
      const names = await readdir(DESCRIPTORS)
      // One of them is the folder itself.
      this.set(names.length - 1)
    },
  })
}
