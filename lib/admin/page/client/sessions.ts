/** Live sessions, filtered, sorted and paged by the API, since there may be many thousands. */

import { formatBytes, formatDuration, NOTHING } from "../../../ops/figures.js"
import type { ListenerStatus, PoolStatus, SessionPage, SessionStatus } from "../../api-types.js"
import { postJson } from "./api.js"
import { fillButton } from "./buttons.js"
import { byId, setLines, setOptions, setText } from "./dom.js"
import { formatByteRate, formatCount } from "./format.js"
import { report } from "./notices.js"
import { type Column, DataTable, type Sort, textCell } from "./table.js"

const PAGE_SIZE = 25
/** The API looks no further. */
const MAX_OFFSET = 10_000
/** A filter is sent once typing pauses. */
const TYPING_MS = 200

export class Sessions {
  readonly #form = byId("session-filter", HTMLFormElement)
  readonly #range = byId("session-range", HTMLSpanElement)
  readonly #previous = byId("session-previous", HTMLButtonElement)
  readonly #next = byId("session-next", HTMLButtonElement)
  readonly #table: DataTable<SessionStatus>
  #sort: Sort = { by: "ageMs", descending: false }
  #offset = 0
  #typing: ReturnType<typeof setTimeout> | undefined

  /** @param changed called when another query has to be sent */
  constructor(private readonly changed: () => void) {
    this.#table = new DataTable(byId("session-table", HTMLDivElement), {
      caption: "Live sessions",
      columns: this.#columns(),
      keyOf: ({ id }) => String(id),
      empty: "No session matches.",
      sort: this.#sort,
      onSort: (sort) => {
        this.#sort = sort
        this.#goTo(0)
      },
      holdsStill: true,
    })
    this.#form.addEventListener("submit", (event) => event.preventDefault())
    this.#form.addEventListener("input", () => {
      clearTimeout(this.#typing)
      this.#typing = setTimeout(() => this.#goTo(0), TYPING_MS)
    })
    this.#previous.addEventListener("click", () => this.#goTo(Math.max(0, this.#offset - PAGE_SIZE)))
    this.#next.addEventListener("click", () => this.#goTo(this.#offset + PAGE_SIZE))
  }

  /** What the API is asked for. */
  path(): string {
    const query = new URLSearchParams()
    for (const [name, value] of new FormData(this.#form)) {
      if (typeof value === "string" && value.trim() !== "") query.set(name, value.trim())
    }
    query.set("sort", `${this.#sort.descending ? "-" : ""}${this.#sort.by}`)
    query.set("limit", String(PAGE_SIZE))
    query.set("offset", String(this.#offset))
    return `/api/sessions?${query}`
  }

  show({ total, sessions, incomplete }: SessionPage): void {
    // The last page has become empty.
    if (sessions.length === 0 && this.#offset > 0 && total <= this.#offset) {
      this.#goTo(Math.max(0, (Math.ceil(total / PAGE_SIZE) - 1) * PAGE_SIZE))
      return
    }
    this.#table.show(sessions)
    const last = this.#offset + sessions.length
    const range = `${formatCount(this.#offset + 1)}–${formatCount(last)} of ${formatCount(total)}`
    const missing = incomplete ? " (without those of a worker thread that does not respond)" : ""
    setText(this.#range, (sessions.length === 0 ? "0 sessions" : range) + missing)
    this.#previous.disabled = this.#offset === 0
    this.#next.disabled = last >= total || last > MAX_OFFSET
  }

  /** The choices of the filter. */
  setChoices(listeners: readonly ListenerStatus[], pools: readonly PoolStatus[]): void {
    const setNames = (id: string, named: readonly { readonly name: string }[]) =>
      setOptions(byId(id, HTMLSelectElement), [...new Set(named.map(({ name }) => name))])
    setNames("filter-listener", listeners)
    setNames("filter-pool", pools)
    setNames(
      "filter-backend",
      pools.flatMap(({ backends }) => backends),
    )
  }

  #goTo(offset: number): void {
    this.#offset = offset
    this.changed()
  }

  #columns(): Column<SessionStatus>[] {
    return [
      { ...sortable("Age", "ageMs"), kind: "number", fill: textCell(({ ageMs }) => formatDuration(ageMs)) },
      { ...sortable("Client", "client"), kind: "address", fill: textCell(({ client }) => client) },
      { ...sortable("Listener", "listener"), fill: fillListener },
      { ...sortable("Path", "path"), kind: "path", fill: textCell(({ path }) => path ?? NOTHING) },
      { ...sortable("Backend", "backend"), kind: "address", fill: fillBackend },
      { ...sortable("Stage", "stage"), fill: textCell(({ stage }) => stage) },
      {
        label: "From client",
        sorts: [
          { text: "From client", by: "bytesFromClient" },
          { text: "rate", by: "rateFromClient", name: "Rate from client" },
        ],
        kind: "number",
        fill: (cell, row) => fillTraffic(cell, row.bytesFromClient, row.rateFromClient),
      },
      {
        label: "From backend",
        sorts: [
          { text: "From backend", by: "bytesFromBackend" },
          { text: "rate", by: "rateFromBackend", name: "Rate from backend" },
        ],
        kind: "number",
        fill: (cell, row) => fillTraffic(cell, row.bytesFromBackend, row.rateFromBackend),
      },
      { label: "Actions", kind: "actions", fill: (cell, row) => this.#fillClose(cell, row) },
    ]
  }

  #fillClose(cell: HTMLElement, { id, client }: SessionStatus): void {
    fillButton(cell, {
      name: "close",
      label: "Close",
      of: `the session of ${client}`,
      isDestructive: true,
      onClick: async () => {
        await report(
          postJson(`/api/sessions/${encodeURIComponent(id)}/close`),
          `The session of ${client} has been closed.`,
        )
        this.changed()
      },
    })
  }
}

function sortable(label: string, by: string): Pick<Column<SessionStatus>, "label" | "sorts"> {
  return { label, sorts: [{ text: label, by }] }
}

function fillListener(cell: HTMLElement, { listener, route }: SessionStatus): void {
  setLines(cell, listener, route === undefined ? "" : `route ${route}`)
}

function fillBackend(cell: HTMLElement, { backend, pool }: SessionStatus): void {
  setLines(cell, backend ?? NOTHING, pool ?? "")
}

/** The sum and the current rate. */
function fillTraffic(cell: HTMLElement, bytes: number, rate: number): void {
  setLines(cell, formatBytes(bytes), formatByteRate(rate))
}
