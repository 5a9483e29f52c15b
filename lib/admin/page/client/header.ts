/** The page's header: whether rws serves and responds, since when, and orders to the whole program. */

import { formatDuration } from "../../../ops/figures.js"
import type { Changes, ProxyStatus } from "../../api-types.js"
import { postJson } from "./api.js"
import { byId, setText } from "./dom.js"
import { formatCount, formatMoment } from "./format.js"
import { report } from "./notices.js"

export class Header {
  readonly #state = byId("state", HTMLSpanElement)
  readonly #level = byId("log-level", HTMLSelectElement)
  readonly #alert = byId("alert", HTMLParagraphElement)
  /** When rws has responded last. */
  #respondedAtMs = Date.now()

  constructor() {
    byId("reload", HTMLButtonElement).addEventListener("click", () => {
      void report(postJson<Changes>("/api/reload"), ({ changes }) =>
        changes.length === 0 ? "Reloaded: nothing has changed." : `Reloaded: ${changes.join("; ")}.`,
      )
    })
    // Nothing is chosen until it is known.
    this.#level.selectedIndex = -1
    this.#level.addEventListener("change", () => {
      const level = this.#level.value
      void report(postJson("/api/log-level", { level }), `The log level is ${level} until the next reload.`)
    })
  }

  show({ version, nodeVersion, uptimeS, workers, draining, reloads, logLevel, totals }: ProxyStatus): void {
    this.#respondedAtMs = Date.now()
    this.#setState(draining ? "draining" : "serving", draining ? "warn" : "good")
    setFact("fact-version", version)
    setFact("fact-node", nodeVersion.replace(/^v/, ""))
    setFact("fact-uptime", formatDuration(uptimeS * 1000))
    setFact("fact-workers", formatCount(workers))
    setFact("fact-sessions", formatCount(totals.sessions))
    setFact("fact-tunnels", formatCount(totals.tunnels))
    setFact("fact-reloads", formatCount(reloads))
    // What is being chosen is not overwritten.
    if (document.activeElement !== this.#level) this.#level.value = logLevel
    document.title = `${formatCount(totals.liveTunnels)} tunnels · rws`
  }

  /**
   * The last values stay, but are shown as old ones.
   * @param text empty = everything is up to date
   */
  showFailure(text: string): void {
    document.body.classList.toggle("stale", text !== "")
    this.#alert.hidden = text === ""
    if (text === "") {
      setText(this.#alert, "")
      return
    }
    this.#setState("outdated", "bad")
    document.title = "outdated · rws"
    setText(this.#alert, `${text} Trying again every second; what is shown is from ${this.#lastTime()}.`)
  }

  /** A time of day: an age would make screen readers read the alert out every second. */
  #lastTime(): string {
    return formatMoment(new Date(this.#respondedAtMs).toISOString())
  }

  showPause(): void {
    this.#setState("paused", "warn")
  }

  #setState(text: string, kind: "good" | "warn" | "bad"): void {
    setText(this.#state, text)
    this.#state.className = `state ${kind}`
  }
}

function setFact(id: string, text: string): void {
  setText(byId(id, HTMLElement), text)
}
