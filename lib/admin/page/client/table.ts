/** A table whose rows are updated in place, so that focus, selection and the scroll position stay. */
import { create, setText } from "./dom.js"

export interface Column<Row> {
  readonly label: string
  /** Absent: can't be sorted by this column. */
  readonly sorts?: readonly SortButton[]
  readonly kind?: "number" | "address" | "path" | "actions"
  /** Writes the row into its cell. Called with the same cell at every update of the row. */
  readonly fill: (cell: HTMLTableCellElement, row: Row) => void
}

/** A button in the header. */
export interface SortButton {
  readonly text: string
  /** What the API sorts by. */
  readonly by: string
  /** For screen readers, if the text alone is unclear. */
  readonly name?: string
}

export interface Sort {
  readonly by: string
  readonly descending: boolean
}

export interface TableOptions<Row> {
  readonly caption: string
  readonly columns: readonly Column<Row>[]
  /** Tells rows apart. */
  readonly keyOf: (row: Row) => string
  /** Shown instead of rows. */
  readonly empty: string
  readonly sort?: Sort
  readonly onSort?: (sort: Sort) => void
  /**
   * Rows stay where they are while the pointer is over them, so that a click hits the row that was aimed at.
   */
  readonly holdsStill?: boolean
}

export function textCell<Row>(textOf: (row: Row) => string): Column<Row>["fill"] {
  return (cell, row) => setText(cell, textOf(row))
}

/**
 * Narrow screens show each row as a card: the roles are written down, since changing `display` would take
 * them away from table elements.
 */
export class DataTable<Row> {
  readonly #options: TableOptions<Row>
  readonly #body = create("tbody", { role: "rowgroup" })
  readonly #rows = new Map<string, HTMLTableRowElement>()
  readonly #empty: HTMLParagraphElement
  readonly #sortButtons = new Map<string, HTMLButtonElement>()
  #sort: Sort | undefined

  constructor(host: HTMLElement, options: TableOptions<Row>) {
    this.#options = options
    this.#sort = options.sort
    this.#empty = create("p", { class: "empty" }, options.empty)
    const head = create("tr", { role: "row" }, ...options.columns.map((column) => this.#headerOf(column)))
    const table = create(
      "table",
      { role: "table" },
      create("caption", { class: "visually-hidden" }, options.caption),
      create("thead", { role: "rowgroup" }, head),
      this.#body,
    )
    host.append(table, this.#empty)
    this.#markSort()
  }

  show(rows: readonly Row[]): void {
    if (this.#isHeld()) this.#updateInPlace(rows)
    else this.#replace(rows)
    this.#empty.hidden = this.#rows.size > 0
  }

  #isHeld(): boolean {
    return this.#options.holdsStill === true && this.#body.matches(":hover")
  }

  #replace(rows: readonly Row[]): void {
    // First, so that the others need not be moved: that would take the focus away from them.
    const kept = new Set(rows.map(this.#options.keyOf))
    for (const key of [...this.#rows.keys()]) if (!kept.has(key)) this.#remove(key)
    for (const [index, row] of rows.entries()) {
      const key = this.#options.keyOf(row)
      const element = this.#rows.get(key) ?? this.#create(key)
      element.classList.remove("ended")
      this.#fill(element, row)
      if (this.#body.rows[index] !== element) this.#body.insertBefore(element, this.#body.rows[index] ?? null)
    }
  }

  /** Neither adds, moves nor removes rows; the ones that are gone are marked. */
  #updateInPlace(rows: readonly Row[]): void {
    const byKey = new Map(rows.map((row) => [this.#options.keyOf(row), row]))
    for (const [key, element] of this.#rows) {
      const row = byKey.get(key)
      element.classList.toggle("ended", row === undefined)
      if (row !== undefined) this.#fill(element, row)
    }
  }

  #create(key: string): HTMLTableRowElement {
    const cells = this.#options.columns.map(({ label, kind = "" }) =>
      create("td", { role: "cell", class: kind, "data-label": label }),
    )
    const element = create("tr", { role: "row" }, ...cells)
    this.#rows.set(key, element)
    return element
  }

  #fill(element: HTMLTableRowElement, row: Row): void {
    for (const [index, { fill }] of this.#options.columns.entries()) {
      const cell = element.cells[index]
      if (cell !== undefined) fill(cell, row)
    }
  }

  #remove(key: string): void {
    const element = this.#rows.get(key)
    this.#rows.delete(key)
    if (element === undefined) return
    // The keyboard goes on at the neighbour instead of at the top of the page.
    if (element.contains(document.activeElement)) {
      const neighbour = element.nextElementSibling ?? element.previousElementSibling
      neighbour?.querySelector("button")?.focus()
    }
    element.remove()
  }

  #headerOf({ label, sorts, kind }: Column<Row>): HTMLTableCellElement {
    const header = create("th", { role: "columnheader", scope: "col", class: kind ?? "" })
    if (sorts === undefined) {
      header.append(kind === "actions" ? create("span", { class: "visually-hidden" }, label) : label)
      return header
    }
    for (const { text, by, name = text } of sorts) {
      const button = create("button", { type: "button", class: "sort", "aria-label": name }, text)
      button.addEventListener("click", () => this.#sortBy(by, kind === "number"))
      this.#sortButtons.set(by, button)
      header.append(button)
    }
    return header
  }

  /** Numbers start with the largest one, text at A; a second click turns the order around. */
  #sortBy(by: string, descendingFirst: boolean): void {
    const descending = this.#sort?.by === by ? !this.#sort.descending : descendingFirst
    this.#sort = { by, descending }
    this.#markSort()
    this.#options.onSort?.(this.#sort)
  }

  #markSort(): void {
    for (const button of this.#sortButtons.values()) {
      button.classList.remove("active")
      button.parentElement?.removeAttribute("aria-sort")
    }
    if (this.#sort === undefined) return
    const active = this.#sortButtons.get(this.#sort.by)
    active?.classList.add("active")
    active?.parentElement?.setAttribute("aria-sort", this.#sort.descending ? "descending" : "ascending")
  }
}
