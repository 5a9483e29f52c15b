/** The sessions that ended last, with the reason in words. */

import { formatBytes, formatDuration, NOTHING } from "../../../ops/figures.js"
import type { EndedStatus } from "../../api-types.js"
import { byId, setLines, setText } from "./dom.js"
import { formatCount, formatMoment } from "./format.js"
import { type Column, DataTable, textCell } from "./table.js"

/** Rows have no identity of their own: they are told apart by their place. */
type Row = EndedStatus & { readonly index: number }

export class Ended {
  readonly #filter = byId("ended-filter", HTMLInputElement)
  readonly #count = byId("ended-count", HTMLSpanElement)
  readonly #table = new DataTable<Row>(byId("ended-table", HTMLDivElement), {
    caption: "Sessions that ended last, the latest first",
    columns: ENDED_COLUMNS,
    keyOf: ({ index }) => String(index),
    empty: "No session has ended yet, or none matches the filter.",
  })
  #sessions: readonly EndedStatus[] = []

  constructor() {
    this.#filter.addEventListener("input", () => this.#show())
  }

  /** @param sessions the latest first */
  show(sessions: readonly EndedStatus[]): void {
    this.#sessions = sessions
    this.#show()
  }

  #show(): void {
    const words = this.#filter.value.toLowerCase().split(/\s+/).filter(Boolean)
    const matching = this.#sessions.filter((session) => matches(session, words))
    this.#table.show(matching.map((session, index) => ({ ...session, index })))
    setText(this.#count, `${formatCount(matching.length)} of the last ${formatCount(this.#sessions.length)}`)
  }
}

/** Every word occurs somewhere in the row, or in what else is known of the request. */
function matches(session: EndedStatus, words: readonly string[]): boolean {
  if (words.length === 0) return true
  const { listener, client, backend, path, host, status, reason, who, text } = session
  const { origin, userAgent, requestId } = session
  const shown = [listener, client, backend, path, host, status, reason, who, text]
  const all = [...shown, origin, userAgent, requestId].join(" ").toLowerCase()
  return words.every((word) => all.includes(word))
}

const ENDED_COLUMNS: readonly Column<Row>[] = [
  { label: "Ended", kind: "number", fill: textCell(({ endedAt }) => formatMoment(endedAt)) },
  { label: "Client", kind: "address", fill: textCell(({ client }) => client) },
  { label: "Path", kind: "path", fill: fillTarget },
  { label: "Backend", kind: "address", fill: textCell(({ backend }) => backend ?? NOTHING) },
  { label: "Status", kind: "number", fill: textCell(({ status }) => (status ? String(status) : NOTHING)) },
  { label: "Reason", fill: fillReason },
  {
    label: "Tunnel",
    kind: "number",
    fill: textCell(({ tunnelMs = Number.NaN }) => formatDuration(tunnelMs)),
  },
  { label: "From client", kind: "number", fill: textCell((row) => formatBytes(row.bytesFromClient)) },
  { label: "From backend", kind: "number", fill: textCell((row) => formatBytes(row.bytesFromBackend)) },
]

function fillTarget(cell: HTMLElement, { path, host }: EndedStatus): void {
  setLines(cell, path ?? NOTHING, host ?? "")
}

function fillReason(cell: HTMLElement, { reason, who, text }: EndedStatus): void {
  setLines(cell, text, `${reason} · ${who}`)
}
