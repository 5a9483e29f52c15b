/** Where rws listens, how full each listener is, and where its routes lead. */
import type { ListenerStatus, RouteStatus } from "../../api-types.js"
import { byId, childOf, create, setText } from "./dom.js"
import { formatUse } from "./format.js"
import { type Column, DataTable, textCell } from "./table.js"

export class Listeners {
  readonly #table = new DataTable<ListenerStatus>(byId("listener-table", HTMLDivElement), {
    caption: "Listeners",
    columns: LISTENER_COLUMNS,
    // Two may have the same name: one that drains, and the one that a reload has put in its place.
    keyOf: ({ name, address, draining }) => `${name} ${address} ${draining}`,
    empty: "No listener is bound.",
  })

  show(listeners: readonly ListenerStatus[]): void {
    this.#table.show(listeners)
  }
}

const LISTENER_COLUMNS: readonly Column<ListenerStatus>[] = [
  { label: "Listener", fill: textCell(({ name }) => name) },
  { label: "Address", kind: "address", fill: textCell(({ address }) => address) },
  { label: "State", fill: fillListenerState },
  {
    label: "Sessions",
    kind: "number",
    fill: textCell(({ sessions, maxConnections }) => formatUse(sessions, maxConnections)),
  },
  {
    label: "In handshake",
    kind: "number",
    fill: textCell(({ pending, maxPending }) => formatUse(pending, maxPending)),
  },
  { label: "Routes", fill: fillRoutes },
]

function fillListenerState(cell: HTMLElement, { draining }: ListenerStatus): void {
  const pill = childOf(cell, "span", "state")
  pill.className = `state ${draining ? "warn" : "good"}`
  setText(pill, draining ? "draining" : "open")
}

function fillRoutes(cell: HTMLElement, { routes, pool }: ListenerStatus): void {
  const lines = routes.map((route) => `${conditionsOf(route)} → ${route.pool}`)
  if (pool !== undefined) lines.push(`${routes.length === 0 ? "everything" : "everything else"} → ${pool}`)
  // Rebuilt only if it changes: a selection would be lost.
  if (cell.textContent === lines.join("")) return
  cell.replaceChildren(...lines.map((line) => create("span", { class: "route" }, line)))
}

function conditionsOf({ route, host, path, header, query }: RouteStatus): string {
  const conditions = [
    host.length > 0 && `host ${host.join(" or ")}`,
    path !== undefined && `path ${path}`,
    header.length > 0 && `header ${header.join(", ")}`,
    query.length > 0 && `query ${query.join(", ")}`,
  ].filter((condition) => condition !== false)
  return `${route}: ${conditions.length === 0 ? "everything" : conditions.join(", ")}`
}
