import { EventEmitter, once } from "node:events"
import type { Handler } from "../../../lib/net/connection.js"

/** A handler that records its calls in order. */
export class RecordingHandler implements Handler {
  /** Each call once, in order: runs of bytes count as one. */
  readonly calls: ("bytes" | "end" | "drain" | "close")[] = []
  /** Bytes received so far. */
  length = 0
  /** The error it was closed with, if any. */
  error: Error | undefined
  readonly #pieces: Buffer[] = []
  readonly #changes = new EventEmitter()

  onBytes(bytes: Buffer): void {
    // A copy: the buffer may be reused.
    this.#pieces.push(Buffer.from(bytes))
    this.length += bytes.length
    this.#say("bytes")
  }

  onEnd(): void {
    this.#say("end")
  }

  onDrain(): void {
    this.#say("drain")
  }

  onClose(error?: Error): void {
    this.error = error
    this.#say("close")
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#pieces)
  }

  get text(): string {
    return this.bytes.toString("latin1")
  }

  async untilBytes(length: number): Promise<this> {
    while (this.length < length) await once(this.#changes, "change")
    return this
  }

  async until(call: "end" | "drain" | "close"): Promise<this> {
    while (!this.calls.includes(call)) await once(this.#changes, "change")
    return this
  }

  #say(call: "bytes" | "end" | "drain" | "close"): void {
    if (call !== "bytes" || this.calls.at(-1) !== "bytes") this.calls.push(call)
    this.#changes.emit("change")
  }
}
