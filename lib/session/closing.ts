/**
 * The closing handshake (RFC 6455 §7) that rws begins itself, with both peers of a tunnel: each gets a Close
 * frame at the next end of a frame and nothing behind it, and a FIN once it has replied.
 *
 * Its deadline is the tunnel's. Until a direction reaches the end of its frame, its reader is marked as
 * `unfinished`, so that a cut resets it.
 */
import { CLOSE_REASONS, type SessionEnd } from "../close-reason.js"
import type { Connection, Handler } from "../net/connection.js"
import { closeFrame, maskedCloseFrame } from "../upgrade/close-frame.js"
import { FrameCursor } from "../upgrade/frame-cursor.js"
import { Pump, type PumpEnds } from "./pump.js"

/** How long the two peers have to reply. */
export const CLOSING_MS = 1000

/** One direction of a tunnel that may end with Close frames: a pump that knows where frames end. */
class FramedPump extends Pump {
  readonly cursor = new FrameCursor()

  override onBytes(bytes: Buffer): void {
    this.cursor.run(bytes)
    super.onBytes(bytes)
  }

  /** Passes on bytes that the cursor has run over. */
  pass(bytes: Buffer): void {
    super.onBytes(bytes)
  }
}

export interface CloseCodes {
  readonly client_close_code: number
  readonly backend_close_code: number
}

export class Closing {
  readonly #fromClient: FramedPump
  readonly #fromBackend: FramedPump
  #hasBegun = false

  constructor(
    private readonly client: Connection,
    private readonly backend: Connection,
    private readonly codes: CloseCodes,
    private readonly ends: PumpEnds,
  ) {
    this.#fromClient = new FramedPump(client, backend, ends, "client_fin", "client_reset")
    this.#fromBackend = new FramedPump(backend, client, ends, "backend_fin", "backend_reset")
  }

  /** Starts the tunnel. */
  attach(): void {
    this.client.attach(this.#fromClient)
    this.backend.attach(this.#fromBackend)
  }

  /** Begins the closing handshake, once. Both sockets must be there. */
  begin(end: SessionEnd): void {
    if (this.#hasBegun) return
    this.#hasBegun = true
    const { client, backend, codes, ends } = this
    const toBackend = maskedCloseFrame(codes.backend_close_code)
    const toClient = closeFrame(CLOSE_REASONS[end.reason].closeCode ?? codes.client_close_code)
    const forth = new LastFrames(client, backend, this.#fromClient, toBackend, ends, end)
    const back = new LastFrames(backend, client, this.#fromBackend, toClient, ends, end)
    forth.start(back)
    back.start(forth)
  }
}

/** One direction during the closing handshake. */
class LastFrames implements Handler {
  /** The other direction, whose sender is the reader of this one. */
  #back: LastFrames | undefined
  /** The reader has its Close frame, or can't get one any more. What still comes for it is discarded. */
  #isShut = false

  constructor(
    private readonly from: Connection,
    private readonly to: Connection,
    private readonly pump: FramedPump,
    private readonly frame: Buffer,
    private readonly ends: PumpEnds,
    private readonly end: SessionEnd,
  ) {}

  start(back: LastFrames): void {
    this.#back = back
    this.to.unfinished = true
    this.from.attach(this)
    if (this.pump.cursor.isBetweenFrames) this.#close()
  }

  onBytes(bytes: Buffer): void {
    const { cursor } = this.pump
    let at = 0
    if (!this.#isShut) {
      at = cursor.step(bytes, 0)
      this.pump.pass(bytes.subarray(0, at))
      if (cursor.isBetweenFrames) this.#close()
    }
    cursor.run(bytes, at)
    if (cursor.hasClosed) this.#back?.settle()
  }

  onEnd(): void {
    // The sender ends within a frame: its FIN is passed on, as in any tunnel.
    if (!this.#isShut) {
      this.shut()
      this.to.end()
    }
    this.#back?.settle()
  }

  onDrain(): void {
    this.pump.onDrain()
  }

  onClose(): void {
    if (!this.#isShut) this.to.reset(this.end)
    this.shut()
    this.#back?.shut()
    this.ends.onClose(this.end.reason, this.to)
  }

  /** Between two frames. A Close frame of the sender itself may have gone by already. */
  #close(): void {
    const { to, pump } = this
    if (!this.#isShut && !pump.cursor.hasClosed && to.socket.writable) to.socket.write(this.frame)
    this.shut()
  }

  shut(): void {
    this.#isShut = true
    this.to.unfinished = false
    // A slow reader may have paused its sender, whose reply must be read.
    if (this.from.socket.isPaused()) this.from.socket.resume()
    this.settle()
  }

  /** Sends FIN to the reader once it has its Close frame and has sent its own, or a FIN. */
  settle(): void {
    const { to } = this
    const hasReplied = to.ended || this.#back?.pump.cursor.hasClosed === true
    if (this.#isShut && hasReplied && !to.socket.writableEnded) to.end()
  }
}
