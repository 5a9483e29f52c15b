/** A small live chart: one or two lines over the last two minutes, and their current values in figures. */

import { NOTHING } from "../../../ops/figures.js"
import { areaPath, linePath, roundUp } from "./chart-path.js"
import { create, createSvg, setText } from "./dom.js"
import { History } from "./rates.js"

/** One value per second. */
const LENGTH = 120
const HEIGHT = 48

export interface ChartOptions {
  readonly title: string
  readonly format: (value: number) => string
  /** Names of the lines. A single line has no name. */
  readonly lines: readonly string[]
}

interface Line {
  readonly name: string
  readonly history: History
  readonly value: HTMLElement
  readonly path: SVGPathElement
  readonly area: SVGPathElement
}

export class Chart {
  readonly #lines: readonly Line[]
  readonly #svg: SVGSVGElement
  readonly #max = create("span", { class: "max" })
  readonly #moment = create("span", { class: "moment" })
  readonly #cursor: SVGLineElement
  /** How many values from the right the pointer is, while it is over the chart. */
  #pointedAt: number | undefined

  constructor(
    host: HTMLElement,
    private readonly options: ChartOptions,
  ) {
    this.#lines = options.lines.map((name) => ({
      name,
      history: new History(LENGTH),
      value: create("span", { class: "value" }, NOTHING),
      path: createSvg("path", { class: "line" }),
      area: createSvg("path", { class: "area" }),
    }))
    this.#cursor = createSvg("line", { class: "cursor", y1: "0", y2: String(HEIGHT) })
    this.#svg = this.#drawing()
    host.append(this.#figures(), create("div", { class: "plot" }, this.#svg, this.#max), this.#moment)
    this.#svg.addEventListener("pointermove", ({ offsetX }) => this.#point(offsetX))
    this.#svg.addEventListener("pointerleave", () => this.#point(undefined))
    this.#draw()
  }

  /** @param values one for each line, NaN = not known */
  push(values: readonly number[]): void {
    for (const [index, line] of this.#lines.entries()) line.history.push(values[index] ?? Number.NaN)
    this.#draw()
  }

  #figures(): HTMLElement {
    const figures = create("p", { class: "figures" })
    for (const { name, value } of this.#lines) {
      figures.append(
        create("span", { class: "figure" }, value, name && create("span", { class: "name" }, name)),
      )
    }
    return figures
  }

  #drawing(): SVGSVGElement {
    const svg = createSvg("svg", {
      viewBox: `0 0 ${LENGTH - 1} ${HEIGHT}`,
      preserveAspectRatio: "none",
      role: "img",
    })
    for (const [index, { path, area }] of this.#lines.entries()) {
      const group = createSvg("g", { class: `series-${index + 1}` })
      group.append(area, path)
      svg.append(group)
    }
    svg.append(this.#cursor)
    return svg
  }

  #draw(): void {
    const known = this.#lines.flatMap(({ history }) => history.values.filter((value) => !Number.isNaN(value)))
    const max = roundUp(Math.max(0, ...known))
    for (const { history, path, area } of this.#lines) {
      const scale = { width: LENGTH - 1, height: HEIGHT, max }
      path.setAttribute("d", linePath(history.values, scale))
      area.setAttribute("d", areaPath(history.values, scale))
    }
    setText(this.#max, this.options.format(max))
    this.#write()
  }

  #point(offsetX: number | undefined): void {
    const { width } = this.#svg.getBoundingClientRect()
    this.#pointedAt = offsetX === undefined ? undefined : Math.round((1 - offsetX / width) * (LENGTH - 1))
    this.#write()
  }

  /** Writes the values at the pointer, else the latest ones. */
  #write(): void {
    const back = this.#pointedAt ?? 0
    for (const { history, value } of this.#lines) {
      setText(value, this.options.format(history.values.at(-1 - back) ?? Number.NaN))
    }
    setText(this.#moment, back === 0 ? "last 2 minutes" : `${back} s ago`)
    this.#cursor.setAttribute("x1", String(LENGTH - 1 - back))
    this.#cursor.setAttribute("x2", String(LENGTH - 1 - back))
    this.#cursor.classList.toggle("shown", this.#pointedAt !== undefined)
    this.#svg.setAttribute("aria-label", this.#inWords())
  }

  #inWords(): string {
    const parts = this.#lines.map(({ name, value }) => `${value.textContent} ${name}`.trim())
    return `${this.options.title}: ${parts.join(", ")}; highest value of the scale ${this.#max.textContent}`
  }
}
