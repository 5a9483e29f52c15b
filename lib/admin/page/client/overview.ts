/** The figures at the top: charts of tunnels, handshakes and bytes, and refusals by reason. */
import type { ProxyStatus, Totals } from "../../api-types.js"
import { Chart } from "./chart.js"
import { byId, create, setText } from "./dom.js"
import { formatByteRate, formatCount, formatRate } from "./format.js"
import { Rate } from "./rates.js"

/** rws adds up the bytes every 2 seconds. Over less they would seem to come in bursts. */
const BYTES_WINDOW_MS = 4000
/** More reasons than this are summed up, so that the card keeps its height. */
const SHOWN_REASONS = 4

export class Overview {
  readonly #tunnels = chartIn("chart-tunnels", "Open tunnels", formatCount)
  readonly #handshakes = chartIn("chart-handshakes", "Handshakes per second", formatRate)
  readonly #bytes = chartIn("chart-bytes", "Bytes per second", formatByteRate, [
    "from clients",
    "from backends",
  ])
  readonly #refusals = chartIn("chart-refusals", "Refusals per second", formatRate)
  readonly #reasons = byId("refusal-reasons", HTMLUListElement)
  readonly #rates = {
    tunnels: new Rate(),
    fromClient: new Rate(BYTES_WINDOW_MS),
    fromBackend: new Rate(BYTES_WINDOW_MS),
    refusals: new Rate(),
  }

  show({ totals }: ProxyStatus, nowMs: number): void {
    const rates = this.#rates
    this.#tunnels.push([totals.liveTunnels])
    this.#handshakes.push([rates.tunnels.read(totals.tunnels, nowMs)])
    this.#bytes.push([
      rates.fromClient.read(totals.bytesFromClient, nowMs),
      rates.fromBackend.read(totals.bytesFromBackend, nowMs),
    ])
    this.#refusals.push([rates.refusals.read(sum(Object.values(totals.refusals)), nowMs)])
    this.#showReasons(totals)
  }

  /** The page has not asked for a while: its lines get a gap. */
  interrupt(): void {
    for (const rate of Object.values(this.#rates)) rate.forget()
    this.#tunnels.push([Number.NaN])
    for (const chart of [this.#handshakes, this.#bytes, this.#refusals]) chart.push([Number.NaN, Number.NaN])
  }

  #showReasons({ refusals }: Totals): void {
    const byCount = Object.entries(refusals)
      .filter(([, count]) => count > 0)
      .sort(([, one], [, other]) => other - one)
    const shown = byCount.slice(0, SHOWN_REASONS)
    const rest = sum(byCount.slice(SHOWN_REASONS).map(([, count]) => count))
    if (rest > 0) shown.splice(SHOWN_REASONS - 1, 1, ["other reasons", rest + (shown.at(-1)?.[1] ?? 0)])
    if (shown.length === 0) shown.push(["none since the start", 0])
    for (const [index, [reason, count]] of shown.entries()) {
      const item = this.#reasons.children[index] ?? this.#addReason()
      const [name, value] = item.children
      if (name !== undefined) setText(name, reason)
      if (value !== undefined) setText(value, formatCount(count))
    }
    while (this.#reasons.children.length > shown.length) this.#reasons.lastElementChild?.remove()
  }

  #addReason(): Element {
    const item = create("li", {}, create("code"), create("span", { class: "value" }))
    this.#reasons.append(item)
    return item
  }
}

function chartIn(
  id: string,
  title: string,
  format: (value: number) => string,
  lines: readonly string[] = [""],
): Chart {
  return new Chart(byId(id, HTMLDivElement), { title, format, lines })
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
