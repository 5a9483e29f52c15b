/** Small helpers around the DOM. Text only ever becomes a text node, never markup. */

/** An element of the page's markup. Throws if the markup has no such element of that type. */
export function byId<T extends HTMLElement>(id: string, type: new () => T): T {
  const element = document.getElementById(id)
  if (!(element instanceof type)) throw new Error(`the page has no ${type.name} with the id ${id}`)
  return element
}

export function create<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, string>> = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value)
  element.append(...children)
  return element
}

export function createSvg<Tag extends keyof SVGElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, string>> = {},
): SVGElementTagNameMap[Tag] {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag)
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value)
  return element
}

/** Leaves a selection inside the text alone unless the text changes. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text
}

/** The child with this class, created once. */
export function childOf<Tag extends keyof HTMLElementTagNameMap>(
  parent: HTMLElement,
  tag: Tag,
  className: string,
): HTMLElementTagNameMap[Tag] {
  const found = parent.querySelector<HTMLElementTagNameMap[Tag]>(`:scope > ${tag}.${className}`)
  if (found !== null) return found
  const child = create(tag, { class: className })
  parent.append(child)
  return child
}

/** Two lines in a cell: the second one says more about the first. */
export function setLines(cell: HTMLElement, first: string, second: string): void {
  setText(childOf(cell, "span", "first"), first)
  setText(childOf(cell, "span", "second"), second)
}

/** Lets the options of a select be exactly these, and keeps the choice if it still exists. */
export function setOptions(select: HTMLSelectElement, values: readonly string[]): void {
  const any = select.options[0]?.value === "" ? 1 : 0
  const present = Array.from(select.options).slice(any)
  if (present.map(({ value }) => value).join("\n") === values.join("\n")) return
  const chosen = select.value
  for (const option of present) option.remove()
  for (const value of values) select.add(new Option(value, value))
  if (values.includes(chosen)) select.value = chosen
}
