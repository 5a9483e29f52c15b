/** One direction of a tunnel. Each runs on events alone: no closure, timer or promise per chunk. */
import type { Socket } from "node:net"
import type { CloseReason } from "../close-reason.js"
import type { Connection, Handler } from "../net/connection.js"

/** The two pumps of a tunnel tell it what they see; `to` is the peer on the other side. */
export interface PumpEnds {
  onEnd(reason: CloseReason, to: Connection): void
  onClose(reason: CloseReason, to: Connection, error?: Error): void
}

/** A chunk of this size that the destination does not take at once stops the source by itself. */
const PAUSE_BYTES = 16 * 1024

export class Pump implements Handler {
  /** Made by the first chunk that meets a backlog; most tunnels never see one. */
  #onFlushed: ((error?: Error | null) => void) | undefined

  constructor(
    private readonly from: Connection,
    private readonly to: Connection,
    private readonly ends: PumpEnds,
    private readonly ended: CloseReason,
    private readonly broke: CloseReason,
  ) {}

  onBytes(bytes: Buffer): void {
    const { socket } = this.to
    if (socket.writableLength > 0) {
      this.#queue(bytes)
      return
    }
    const more = this.from.lends ? writeLent(socket, bytes) : socket.write(bytes)
    // Over TLS every write waits for a moment, so a small chunk pauses nothing: the next one does, if it is still there.
    if (!more && socket.writableLength >= PAUSE_BYTES) this.from.socket.pause()
  }

  /**
   * Queues one chunk behind a backlog and pauses the source until it has been flushed. Waiting for the high-water mark,
   * which counts bytes, would queue up to 16,384 one-byte chunks at 150 bytes of heap each.
   */
  #queue(bytes: Buffer): void {
    this.from.socket.pause()
    this.#onFlushed ??= (error) => {
      if (error == null) this.from.socket.resume()
    }
    this.to.socket.write(this.from.lends ? Buffer.from(bytes) : bytes, this.#onFlushed)
  }

  onEnd(): void {
    this.ends.onEnd(this.ended, this.to)
  }

  onDrain(): void {
    if (this.to.socket.isPaused()) this.to.socket.resume()
  }

  onClose(error?: Error): void {
    this.ends.onClose(error === undefined ? this.ended : this.broke, this.to, error)
  }
}

let outbox = Buffer.allocUnsafeSlow(64 * 1024)

/**
 * Writes bytes that are only lent, from a copy, to a socket without a backlog: what the system does not take at once must
 * outlive this call. Mostly it takes all, and the one outbox of the process serves for the next write as well; where it
 * does not, the outbox goes with the write and the process gets another.
 */
function writeLent(socket: Socket, bytes: Buffer): boolean {
  if (bytes.length > outbox.length) return socket.write(Buffer.from(bytes))
  outbox.set(bytes)
  const more = socket.write(outbox.subarray(0, bytes.length))
  if (socket.writableLength > 0) outbox = Buffer.allocUnsafeSlow(outbox.length)
  return more
}
