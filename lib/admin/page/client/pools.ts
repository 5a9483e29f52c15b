/**
 * Every pool with its backends: state, reason, share, and what can be done with each until the next reload.
 */

import type { BackendStatus, ClosedTunnels, PoolStatus } from "../../api-types.js"
import { postJson } from "./api.js"
import { fillButton } from "./buttons.js"
import { byId, childOf, create, setLines, setText } from "./dom.js"
import { formatCount, formatMoment, formatShare, formatUse } from "./format.js"
import { confirmed, report } from "./notices.js"
import { type Column, DataTable, textCell } from "./table.js"

const STATES = {
  up: { text: "up", kind: "good" },
  draining: { text: "draining", kind: "warn" },
  ejected: { text: "ejected", kind: "bad" },
  down: { text: "down", kind: "bad" },
} as const

export class Pools {
  readonly #host = byId("pool-list", HTMLDivElement)
  readonly #views = new Map<string, PoolView>()

  /** @param changed called after each order, so that its effect is seen at once */
  constructor(private readonly changed: () => void) {}

  show(pools: readonly PoolStatus[]): void {
    byId("no-pools", HTMLParagraphElement).hidden = pools.length > 0
    for (const pool of pools) this.#viewOf(pool.name).show(pool)
    const names = new Set(pools.map(({ name }) => name))
    for (const [name, view] of this.#views) {
      if (names.has(name)) continue
      view.remove()
      this.#views.delete(name)
    }
  }

  #viewOf(name: string): PoolView {
    const known = this.#views.get(name)
    if (known !== undefined) return known
    const view = new PoolView(this.#host, name, this.changed)
    this.#views.set(name, view)
    return view
  }
}

class PoolView {
  readonly #section: HTMLElement
  readonly #summary = create("span", { class: "muted" })
  readonly #table: DataTable<BackendStatus>

  constructor(
    host: HTMLElement,
    private readonly name: string,
    private readonly changed: () => void,
  ) {
    const heading = create("h3", {}, name)
    this.#section = create("section", { class: "pool", "aria-label": `Pool ${name}` })
    this.#section.append(create("div", { class: "title" }, heading, this.#summary))
    host.append(this.#section)
    this.#table = new DataTable(this.#section, {
      caption: `Backends of the pool ${name}`,
      columns: this.#columns(),
      keyOf: (backend) => backend.name,
      empty: "No backends. Sessions of this pool are refused with 503.",
    })
    this.#section.append(this.#addForm())
  }

  show({ balance, backends }: PoolStatus): void {
    const up = backends.filter(({ state }) => state === "up").length
    setText(this.#summary, `${balance} · ${up} of ${backends.length} up`)
    this.#table.show(backends)
  }

  remove(): void {
    this.#section.remove()
  }

  #columns(): Column<BackendStatus>[] {
    return [
      {
        label: "Backend",
        kind: "address",
        fill: (cell, { name, backup }) => setLines(cell, name, backup ? "backup" : ""),
      },
      { label: "State", fill: fillState },
      { label: "Share", fill: fillShare },
      { label: "Active", kind: "number", fill: textCell((row) => formatUse(row.active, row.maxConnections)) },
      { label: "Weight", kind: "number", fill: (cell, backend) => this.#fillWeight(cell, backend) },
      { label: "Dials", kind: "number", fill: textCell(({ dials }) => formatCount(dials)) },
      { label: "Failed", kind: "number", fill: textCell(({ failures }) => formatCount(failures)) },
      { label: "Actions", kind: "actions", fill: (cell, backend) => this.#fillActions(cell, backend) },
    ]
  }

  #fillWeight(cell: HTMLElement, { name, weight }: BackendStatus): void {
    const input = childOf(cell, "input", "weight")
    input.type = "number"
    input.min = "0"
    input.required = true
    input.setAttribute("aria-label", `Weight of ${name}`)
    // What is being typed is not overwritten.
    if (document.activeElement !== input) input.value = String(weight)
    input.onchange = () => {
      if (input.reportValidity()) {
        const value = input.valueAsNumber
        void this.#order(name, "weight", `${name} has the weight ${value} now.`, { weight: value })
      }
    }
  }

  #fillActions(cell: HTMLElement, { name, state, active }: BackendStatus): void {
    const isDraining = state === "draining"
    fillButton(cell, {
      name: "drain",
      label: isDraining ? "Undrain" : "Drain",
      of: name,
      onClick: () =>
        isDraining
          ? this.#order(name, "undrain", `${name} gets new sessions again.`)
          : this.#order(name, "drain", `${name} gets no new sessions.`),
    })
    fillButton(cell, {
      name: "close",
      label: "Close tunnels",
      of: `of ${name}`,
      isDestructive: true,
      onClick: () =>
        this.#confirmedOrder(
          name,
          "close",
          `Close the tunnels of ${name}? It has ${formatCount(active)} sessions now.`,
          "Close tunnels",
          `The tunnels of ${name} are being closed.`,
        ),
    })
    fillButton(cell, {
      name: "remove",
      label: "Remove",
      of: name,
      isDestructive: true,
      onClick: () =>
        this.#confirmedOrder(
          name,
          "remove",
          `Remove ${name} from ${this.name}? It comes back with the next reload if the file has it.`,
          "Remove",
          `${name} has been removed.`,
        ),
    })
  }

  async #confirmedOrder(
    backend: string,
    order: string,
    question: string,
    verb: string,
    done: string,
  ): Promise<void> {
    if (await confirmed(question, verb)) await this.#order(backend, order, done)
  }

  async #order(backend: string, order: string, done: string, body?: unknown): Promise<void> {
    const path = `${this.#path()}/${encodeURIComponent(backend)}/${order}`
    await report(postJson<Partial<ClosedTunnels>>(path, body), ({ incomplete }) =>
      incomplete ? `${done} A worker thread does not respond: it closes its own once it can.` : done,
    )
    this.changed()
  }

  #addForm(): HTMLElement {
    const address = create("input", {
      name: "address",
      required: "",
      placeholder: "10.0.0.7:9000",
      autocomplete: "off",
      spellcheck: "false",
    })
    const weight = create("input", { name: "weight", type: "number", min: "0", value: "1", class: "weight" })
    const form = create(
      "form",
      { class: "fields" },
      create("label", {}, "Address ", address),
      create("label", {}, "Weight ", weight),
      create("button", {}, "Add"),
    )
    form.addEventListener("submit", async (event) => {
      event.preventDefault()
      const body = { address: address.value.trim(), weight: weight.valueAsNumber }
      await report(postJson(this.#path(), body), `${body.address} has been added until the next reload.`)
      this.changed()
    })
    return create("details", {}, create("summary", {}, `Add a backend to ${this.name}`), form)
  }

  #path(): string {
    return `/api/pools/${encodeURIComponent(this.name)}/backends`
  }
}

/** A word and a shape beside the colour. */
function fillState(cell: HTMLElement, { state, reason = "", since }: BackendStatus): void {
  const { text, kind } = STATES[state]
  const pill = childOf(cell, "span", "state")
  pill.className = `state ${kind}`
  setText(pill, text)
  setText(childOf(cell, "span", "reason"), reason)
  setText(childOf(cell, "span", "since"), since === undefined ? "" : `since ${formatMoment(since)}`)
}

function fillShare(cell: HTMLElement, { share }: BackendStatus): void {
  const bar = childOf(cell, "span", "bar")
  childOf(bar, "span", "filled").style.width = `${Math.min(1, Math.max(0, share)) * 100}%`
  setText(childOf(cell, "span", "percent"), formatShare(share))
}
