/** Passes a backend's refusal on to the client: the head with its connection fields rewritten, the body as it comes. */
import { SessionEnd, toSessionEnd } from "../close-reason.js"
import { BodyEnd } from "../http/llhttp.js"
import type { Connection, Handler } from "../net/connection.js"
import { rewriteRefusal } from "../upgrade/rewrite-head.js"
import type { Answer } from "./handshake.js"

/** Written to the client at a time, so that each piece that the kernel takes shows as progress. */
const PIECE_BYTES = 16 * 1024

/**
 * A client may take nothing for this many times the timeout. The kernel makes room in its send buffer only when a third of it
 * is free, so a steady reader seems to rest between steps of up to 1.5 MB (measured on Linux over loopback).
 */
const CLIENT_PATIENCE = 3

/**
 * Resolves once the kernel has taken the whole response for the client, with the connection to the backend closed and the
 * client's still open. Rejects with a `SessionEnd` when either side is gone before, with `response_truncated` when the backend
 * sends nothing for `timeoutMs`, with `client_aborted_in_relay` when the client takes nothing for three times as long. Then
 * both are gone, and the client has seen a reset instead of an end.
 */
export async function relay(
  client: Connection,
  backend: Connection,
  answer: Answer,
  timeoutMs: number,
): Promise<void> {
  const body = new BodyEnd(answer.bytes)
  client.unfinished = true
  try {
    await new Promise<void>((resolve, reject) =>
      new Relay(client, backend, body, timeoutMs, resolve, reject).start(rewriteRefusal(answer.head)),
    )
    client.unfinished = false
  } catch (error) {
    const end = toSessionEnd(error, "response_truncated")
    backend.reset(end)
    client.reset(end)
    throw end
  } finally {
    body.free()
    client.detach()
    backend.detach()
  }
}

/** The owner of the backend while its response is passed on. */
class Relay implements Handler {
  /** What has come from the backend and has not been written. */
  #waiting: Buffer = Buffer.alloc(0)
  #isWriting = false
  /** Whether the backend has sent its whole response. */
  #isWhole = false
  #clientTimeouts = 0
  readonly #deadline: NodeJS.Timeout

  constructor(
    private readonly client: Connection,
    private readonly backend: Connection,
    private readonly body: BodyEnd,
    private readonly timeoutMs: number,
    private readonly resolve: () => void,
    private readonly reject: (error: SessionEnd) => void,
  ) {
    this.#deadline = setTimeout(() => this.#onTimeout(), timeoutMs)
  }

  start(head: string): void {
    this.client.attach({
      onBytes() {},
      onEnd() {},
      onDrain() {},
      onClose: (error) => this.#fail(toSessionEnd(error, "client_aborted_in_relay")),
    })
    this.#pass(Buffer.from(head, "latin1"))
    if (this.body.complete) this.#finishBackend()
    else this.backend.attach(this)
  }

  onBytes(bytes: Buffer): void {
    const length = this.body.read(bytes)
    if (length < 0) {
      this.#fail(new SessionEnd("response_truncated"))
      return
    }
    this.backend.socket.pause()
    this.#pass(bytes.subarray(0, length))
    if (this.body.complete) this.#finishBackend()
  }

  onEnd(): void {
    if (this.body.endsHere()) this.#finishBackend()
    else this.#fail(new SessionEnd("response_truncated"))
  }

  onDrain(): void {}

  onClose(error?: Error): void {
    this.#fail(toSessionEnd(error, "response_truncated"))
  }

  #finishBackend(): void {
    this.#isWhole = true
    this.backend.detach()
    this.backend.close(new SessionEnd("refused_by_backend"))
    if (!this.#isWriting) this.#goOn()
  }

  #pass(bytes: Buffer): void {
    this.#waiting = Buffer.concat([this.#waiting, bytes])
    if (!this.#isWriting) this.#goOn()
  }

  /** Writes the next piece, or sees to it that there will be one, or ends. Called again once the kernel has taken a piece. */
  #goOn(): void {
    this.#isWriting = this.#waiting.length > 0
    this.#clientTimeouts = 0
    this.#deadline.refresh()
    if (this.#isWriting) {
      const piece = this.#waiting.subarray(0, PIECE_BYTES)
      this.#waiting = this.#waiting.subarray(PIECE_BYTES)
      this.client.socket.write(piece, this.#onWritten)
    } else if (this.#isWhole) {
      clearTimeout(this.#deadline)
      this.resolve()
    } else this.backend.socket.resume()
  }

  readonly #onWritten = (error?: Error | null): void => {
    if (error == null) this.#goOn()
  }

  #onTimeout(): void {
    const detail = `nothing for ${this.timeoutMs} ms`
    if (!this.#isWriting) this.#fail(new SessionEnd("response_truncated", detail))
    else if (++this.#clientTimeouts < CLIENT_PATIENCE) this.#deadline.refresh()
    else this.#fail(new SessionEnd("client_aborted_in_relay", "it has stopped reading"))
  }

  #fail(end: SessionEnd): void {
    clearTimeout(this.#deadline)
    this.reject(end)
  }
}
