/** Keeps one copy of texts that many requests share, such as hosts and user agents. */
import { detach } from "./detach.js"

export class TextCache {
  readonly #texts = new Map<string, string>()

  /** @param max how many texts are kept; then it begins anew, so that clients can't fill it for good */
  constructor(private readonly max: number) {}

  /** Returns an equal text (Latin-1) that shares no memory with the head that `text` was cut from. */
  keep(text: string): string {
    const known = this.#texts.get(text)
    if (known !== undefined) return known
    if (this.#texts.size >= this.max) this.#texts.clear()
    const copy = detach(text)
    this.#texts.set(copy, copy)
    return copy
  }
}
