/** Reads the page that Prometheus scrapes. */

export type Labels = Readonly<Record<string, string>>

/** The metrics at one moment. */
export class Scrape {
  readonly #samples: readonly { name: string; labels: Labels; value: number }[]

  constructor(readonly text: string) {
    this.#samples = text
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"))
      .map((line) => {
        const [, name = "", inner = "", value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
        const labels = [...inner.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, text]) => [key, text])
        return { name, labels: Object.fromEntries(labels) as Labels, value: Number(value) }
      })
  }

  /** The sum of all samples with these labels; NaN if there are none. */
  value(name: string, labels: Labels = {}): number {
    const found = this.#samples.filter(
      (sample) =>
        sample.name === name && Object.entries(labels).every(([key, text]) => sample.labels[key] === text),
    )
    return found.length === 0 ? Number.NaN : found.reduce((sum, sample) => sum + sample.value, 0)
  }

  /** The names of all samples. */
  get names(): ReadonlySet<string> {
    return new Set(this.#samples.map(({ name }) => name))
  }

  /** All labels of the samples of this name. */
  labelsOf(name: string): Labels[] {
    return this.#samples.filter((sample) => sample.name === name).map(({ labels }) => labels)
  }
}

/** @param admin `host:port` of the admin server */
export async function scrape(admin: string | undefined): Promise<Scrape> {
  const response = await fetch(`http://${admin}/metrics`)
  if (response.status !== 200) throw new Error(`status ${response.status}`)
  return new Scrape(await response.text())
}

/** Scrapes until the metrics are as expected, for at most 20 seconds. */
export async function scrapeUntil(
  admin: string | undefined,
  isIt: (metrics: Scrape) => boolean,
): Promise<Scrape> {
  const endMs = performance.now() + 20_000
  for (;;) {
    const metrics = await scrape(admin)
    if (isIt(metrics) || performance.now() > endMs) return metrics
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
