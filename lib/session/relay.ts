/**
 * Relays a backend's refusal to the client: the head with its connection fields rewritten, the body as it
 * comes.
 */
import { SessionEnd, toSessionEnd } from "../close-reason.js"
import type { ResponseHead } from "../http/head.js"
import { BodyEnd } from "../http/llhttp.js"
import type { Connection, Handler } from "../net/connection.js"
import type { Clock, Timer } from "../shared/clock.js"
import { rewriteRefusal } from "../upgrade/rewrite-head.js"
import type { ListenerSettings } from "./listener-state.js"
import type { StageContext } from "./stage-context.js"

/** Written to the client at a time, so that each piece that the kernel takes counts as progress. */
const PIECE_BYTES = 16 * 1024

/**
 * A client may take nothing for this many times the timeout. The kernel makes room in its send buffer only
 * when a third of it is free, so a steady reader seems to pause between steps of up to 1.5 MB (measured on
 * Linux over loopback).
 */
const CLIENT_PATIENCE = 3

interface RelayContext extends Pick<StageContext, "client" | "enter"> {
  readonly settings: Pick<ListenerSettings, "handshake_timeout_ms">
  readonly listener: { readonly clock: Clock }
}

/**
 * Resolves to the session's end once the kernel has taken the whole response for the client, with the
 * connection to the backend closed and the client's still open. Rejects with a `SessionEnd` if either side is
 * gone before, with `response_truncated` if the backend sends nothing for `handshake_timeout_ms`, with
 * `client_aborted_in_relay` if the client takes nothing for three times as long. Then both are gone, and the
 * client has seen a reset instead of an end.
 */
export async function relay(
  session: RelayContext,
  backend: Connection,
  response: ResponseHead,
): Promise<SessionEnd> {
  session.enter("relay")
  const { client, settings, listener } = session
  const body = new BodyEnd(Buffer.from(response.text, "latin1"))
  client.unfinished = true
  try {
    await new Promise<void>((resolve, reject) => {
      const timeoutMs = settings.handshake_timeout_ms
      const relaying = new Relay(client, backend, body, timeoutMs, listener.clock, resolve, reject)
      relaying.start(rewriteRefusal(response))
    })
    client.unfinished = false
    return new SessionEnd("refused_by_backend")
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

/** Attached to the backend while its response is relayed. */
class Relay implements Handler {
  /** Received from the backend and not written yet. */
  #waiting: Buffer = Buffer.alloc(0)
  #isWriting = false
  /** The backend has sent its whole response. */
  #isWhole = false
  #progressMs: number
  #deadline: Timer

  constructor(
    private readonly client: Connection,
    private readonly backend: Connection,
    private readonly body: BodyEnd,
    private readonly timeoutMs: number,
    private readonly clock: Clock,
    private readonly resolve: () => void,
    private readonly reject: (error: SessionEnd) => void,
  ) {
    this.#progressMs = clock.nowMs()
    this.#deadline = clock.after(timeoutMs, this.#onTimeout)
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
    if (!this.#isWriting) this.#proceed()
  }

  #pass(bytes: Buffer): void {
    this.#waiting = Buffer.concat([this.#waiting, bytes])
    if (!this.#isWriting) this.#proceed()
  }

  /**
   * Writes the next piece, or resumes the backend to get one, or ends. Called again once the kernel has taken
   * a piece.
   */
  #proceed(): void {
    this.#isWriting = this.#waiting.length > 0
    this.#progressMs = this.clock.nowMs()
    if (this.#isWriting) {
      const piece = this.#waiting.subarray(0, PIECE_BYTES)
      this.#waiting = this.#waiting.subarray(PIECE_BYTES)
      this.client.socket.write(piece, this.#onWritten)
    } else if (this.#isWhole) {
      this.#deadline.cancel()
      this.resolve()
    } else this.backend.socket.resume()
  }

  readonly #onWritten = (error?: Error | null): void => {
    if (error == null) this.#proceed()
  }

  /** Progress does not restart the timer, which would cost one per piece: it is checked here. */
  readonly #onTimeout = (): void => {
    const { timeoutMs, clock } = this
    const silentMs = clock.nowMs() - this.#progressMs
    if (!this.#isWriting && silentMs >= timeoutMs) {
      this.#fail(new SessionEnd("response_truncated", `nothing for ${timeoutMs} ms`))
    } else if (silentMs >= CLIENT_PATIENCE * timeoutMs) {
      this.#fail(new SessionEnd("client_aborted_in_relay", "it has stopped reading"))
    } else {
      this.#deadline = clock.after(Math.max(1, timeoutMs - (silentMs % timeoutMs)), this.#onTimeout)
    }
  }

  #fail(end: SessionEnd): void {
    this.#deadline.cancel()
    this.reject(end)
  }
}
