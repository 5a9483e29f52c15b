/** One metric: its name, type and help, and how its samples are read from a proxy. */
import type { LimitReading, MetricsSource } from "./source.js"

export type Labels = Readonly<Record<string, string | number>>

export interface Sample {
  readonly labels: Labels
  readonly value: number
  /** For histograms: appended to the name of the metric. */
  readonly suffix?: "_bucket" | "_sum" | "_count"
}

export interface Family {
  /** By Prometheus's conventions: base units, and the suffix `_total` for counters only. */
  readonly name: string
  readonly type: "counter" | "gauge" | "histogram"
  /** One sentence. */
  readonly help: string
  /** Bounded sets only: no path, no client. */
  readonly labelNames: readonly string[]
  read(source: MetricsSource): Sample[]
}

/** The sample of a metric without labels. */
export function single(value: number): Sample[] {
  return [{ labels: {}, value }]
}

interface LabelledLimit {
  readonly labels: Labels
  readonly limit: LimitReading
}

/** Two metrics: the places taken, and the limit. Without a limit the second one has no sample. */
export function limitFamilies(
  name: string,
  help: string,
  labelNames: readonly string[],
  read: (source: MetricsSource) => LabelledLimit[],
): Family[] {
  return [
    {
      name,
      type: "gauge",
      help,
      labelNames,
      read: (source) => read(source).map(({ labels, limit: { taken } }) => ({ labels, value: taken })),
    },
    {
      name: `${name}_limit`,
      type: "gauge",
      help: `The limit of ${name}; absent while there is none.`,
      labelNames,
      read: (source) =>
        read(source).flatMap(({ labels, limit: { max } }) => (max === 0 ? [] : [{ labels, value: max }])),
    },
  ]
}
