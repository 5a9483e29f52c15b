/** One direction of a tunnel. Each runs on events alone: no closure, timer or promise per chunk. */
import type { Socket } from "node:net"
import type { CloseReason } from "../close-reason.js"
import { type Connection, type Handler, READ_BYTES } from "../net/connection.js"

/** What the two pumps of a tunnel report to it; `to` is the connection on the other side. */
export interface PumpEnds {
  onEnd(reason: CloseReason, to: Connection): void
  onClose(reason: CloseReason, to: Connection, error?: Error): void
}

/** One chunk of this size that the reader does not take at once is enough to pause the sender. */
const PAUSE_BYTES = 16 * 1024

export class Pump implements Handler {
  /** Created by the first chunk that meets a backlog; most tunnels never see one. */
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
    // Over TLS every write waits a moment, so a small chunk does not pause the sender: the next one does.
    if (!more && socket.writableLength >= PAUSE_BYTES) this.from.socket.pause()
  }

  /**
   * Queues one chunk behind a backlog and pauses the sender until it has been flushed. Waiting for the
   * high-water mark, which counts bytes, would queue up to 16,384 one-byte chunks at 150 bytes of heap each.
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

let outbox = Buffer.allocUnsafeSlow(READ_BYTES)

/**
 * Writes a copy of lent bytes to a socket without a backlog: what the kernel does not take at once must
 * outlive this call. Mostly it takes all, and the one outbox of the process serves the next write as well;
 * otherwise the outbox stays with the write and the process gets a new one.
 */
function writeLent(socket: Socket, bytes: Buffer): boolean {
  if (bytes.length > outbox.length) return socket.write(Buffer.from(bytes))
  outbox.set(bytes)
  const more = socket.write(outbox.subarray(0, bytes.length))
  if (socket.writableLength > 0) outbox = Buffer.allocUnsafeSlow(outbox.length)
  return more
}
