/** Buttons inside the cells of a table. */
import { create, setText } from "./dom.js"

export interface CellButton {
  /** Tells the buttons of one cell apart. */
  readonly name: string
  readonly label: string
  /** What it acts on, for screen readers: "Close" alone says nothing in a list of buttons. */
  readonly of: string
  readonly isDestructive?: boolean
  readonly onClick: (button: HTMLButtonElement) => void
}

/** Creates the button, or changes the one of an earlier update. */
export function fillButton(cell: HTMLElement, { name, label, of, isDestructive, onClick }: CellButton): void {
  const button = cell.querySelector<HTMLButtonElement>(`button[data-name="${name}"]`) ?? add(cell, name)
  button.classList.toggle("destructive", isDestructive === true)
  button.setAttribute("aria-label", `${label} ${of}`)
  button.onclick = () => onClick(button)
  setText(button, label)
}

function add(cell: HTMLElement, name: string): HTMLButtonElement {
  const button = create("button", { type: "button", "data-name": name })
  cell.append(button)
  return button
}
