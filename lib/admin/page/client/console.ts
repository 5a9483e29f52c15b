/** A WebSocket client in the page: opens a connection through a listener and shows what goes over it. */

import { formatBytes } from "../../../ops/figures.js"
import type { ListenerStatus } from "../../api-types.js"
import { byId, create, setText } from "./dom.js"
import { formatMs } from "./format.js"
import { parseHex, toHex } from "./hex.js"
import { socketUrl } from "./socket-url.js"

/** Older entries are dropped. */
const MAX_ENTRIES = 200
/** More of a message is not shown. */
const MAX_SHOWN_BYTES = 2000
const NORMAL_CLOSURE = 1000

type Direction = "sent" | "received" | "state" | "error"

export class Console {
  readonly #url = byId("console-url", HTMLInputElement)
  readonly #protocols = byId("console-protocols", HTMLInputElement)
  readonly #connect = byId("console-connect", HTMLButtonElement)
  readonly #message = byId("console-message", HTMLTextAreaElement)
  readonly #send = byId("console-send", HTMLButtonElement)
  readonly #kind = byId("console-kind", HTMLSelectElement)
  readonly #entries = byId("console-entries", HTMLOListElement)
  readonly #empty = byId("console-empty", HTMLParagraphElement)
  #socket: WebSocket | undefined
  #hasOpened = false
  #startedAt = 0
  /** When the last message was sent that nothing has come back for. */
  #sentAt: number | undefined

  constructor() {
    byId("console-form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault()
      if (this.#socket === undefined) this.#open()
      else this.#socket.close(NORMAL_CLOSURE)
    })
    byId("console-message-form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault()
      this.#sendMessage()
    })
    this.#message.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return
      event.preventDefault()
      this.#sendMessage()
    })
    byId("console-clear", HTMLButtonElement).addEventListener("click", () => this.#clear())
    this.#showState()
  }

  /** Offers the listeners' URLs. The first one is filled in. */
  setListeners(listeners: readonly ListenerStatus[]): void {
    const urls = listeners
      .map(({ address }) => socketUrl(address, location.hostname))
      .filter((url) => url !== undefined)
    const list = byId("console-urls", HTMLDataListElement)
    if (Array.from(list.options, ({ value }) => value).join(" ") === urls.join(" ")) return
    list.replaceChildren(...urls.map((value) => create("option", { value })))
    if (this.#url.value === "") this.#url.value = urls[0] ?? ""
  }

  #open(): void {
    const protocols = this.#protocols.value.split(",").map((name) => name.trim())
    this.#startedAt = performance.now()
    this.#sentAt = undefined
    this.#hasOpened = false
    let socket: WebSocket
    try {
      socket = new WebSocket(this.#url.value.trim(), protocols.filter(Boolean))
    } catch (error) {
      this.#add("error", error instanceof Error ? error.message : String(error))
      return
    }
    socket.binaryType = "arraybuffer"
    socket.onopen = () => this.#opened(socket)
    socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => this.#received(data)
    socket.onclose = (event) => this.#closed(event)
    this.#socket = socket
    this.#showState()
  }

  #opened({ protocol, extensions }: WebSocket): void {
    this.#hasOpened = true
    const parts = [`open after ${formatMs(performance.now() - this.#startedAt)}`]
    if (protocol !== "") parts.push(`subprotocol ${protocol}`)
    if (extensions !== "") parts.push(`extensions ${extensions}`)
    this.#add("state", parts.join(", "))
    this.#showState()
    this.#message.focus({ preventScroll: true })
  }

  #received(data: string | ArrayBuffer): void {
    const waited =
      this.#sentAt === undefined
        ? ""
        : `${formatMs(performance.now() - this.#sentAt)} after the last one sent`
    this.#sentAt = undefined
    this.#addMessage("received", data, waited)
  }

  /** Browsers tell a page nothing about a handshake that failed. */
  #closed({ code, reason, wasClean }: CloseEvent): void {
    this.#socket = undefined
    if (!this.#hasOpened) {
      this.#add("error", "The handshake failed. The reason is the latest of the ended sessions above.")
    } else {
      const words = [`closed with ${code}`, reason && `“${reason}”`, wasClean ? "" : "without a close frame"]
      this.#add("state", words.filter(Boolean).join(", "))
    }
    this.#showState()
  }

  #sendMessage(): void {
    if (this.#socket?.readyState !== WebSocket.OPEN) return
    const data = this.#kind.value === "text" ? this.#message.value : parseHex(this.#message.value)
    if (data === undefined) {
      this.#message.setCustomValidity("Binary messages are written as hex digits: 00 ff 10")
      this.#message.reportValidity()
      this.#message.setCustomValidity("")
      return
    }
    this.#sentAt = performance.now()
    this.#socket.send(data)
    this.#addMessage("sent", typeof data === "string" ? data : data.buffer, "")
  }

  #addMessage(direction: Direction, data: string | ArrayBuffer, timing: string): void {
    const isText = typeof data === "string"
    const size = isText ? new TextEncoder().encode(data).length : data.byteLength
    const facts = [isText ? "text" : "binary", formatBytes(size), timing].filter(Boolean).join(", ")
    this.#add(direction, facts, isText ? shortened(data) : shortenedHex(data))
  }

  #add(direction: Direction, facts: string, content?: string): void {
    const time = create("span", { class: "time" }, `+${formatMs(performance.now() - this.#startedAt)}`)
    const head = create("p", { class: "frame" }, time, create("b", {}, direction), create("span", {}, facts))
    const entry = create("li", { class: direction }, head)
    if (content !== undefined) entry.append(create("pre", {}, content))
    const wasAtEnd = this.#entries.scrollTop + this.#entries.clientHeight >= this.#entries.scrollHeight - 8
    this.#entries.append(entry)
    if (this.#entries.children.length > MAX_ENTRIES) this.#entries.firstElementChild?.remove()
    // Somebody who has scrolled up reads.
    if (wasAtEnd) this.#entries.scrollTop = this.#entries.scrollHeight
    this.#empty.hidden = true
  }

  #clear(): void {
    this.#entries.replaceChildren()
    this.#empty.hidden = false
  }

  #showState(): void {
    const isOpen = this.#socket?.readyState === WebSocket.OPEN
    setText(this.#connect, this.#socket === undefined ? "Connect" : isOpen ? "Disconnect" : "Cancel")
    this.#url.disabled = this.#socket !== undefined
    this.#protocols.disabled = this.#socket !== undefined
    this.#send.disabled = !isOpen
  }
}

function shortened(text: string): string {
  return text.length <= MAX_SHOWN_BYTES ? text : `${text.slice(0, MAX_SHOWN_BYTES)}…`
}

function shortenedHex(data: ArrayBuffer): string {
  const hex = toHex(new Uint8Array(data, 0, Math.min(data.byteLength, MAX_SHOWN_BYTES)))
  return data.byteLength <= MAX_SHOWN_BYTES ? hex : `${hex} …`
}
