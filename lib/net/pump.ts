/** One direction of a tunnel. Each runs on events alone: no closure, timer or promise per chunk. */
import type { Socket } from "node:net"
import type { CloseReason } from "../close-reason.js"
import type { Owner, Peer } from "./peer.js"

/** The two pumps of a tunnel tell it what they see; `to` is the peer on the other side. */
export interface PumpEnds {
  onEnd(reason: CloseReason, to: Peer): void
  onClose(reason: CloseReason, to: Peer, error?: Error): void
}

export class Pump implements Owner {
  constructor(
    private readonly from: Peer,
    private readonly to: Peer,
    private readonly ends: PumpEnds,
    private readonly ended: CloseReason,
    private readonly broke: CloseReason,
  ) {}

  onBytes(bytes: Buffer): void {
    const { socket } = this.to
    const more = this.from.lends ? writeLent(socket, bytes) : socket.write(bytes)
    // Some versions of Node return false for a large chunk even where the system took all of it: nothing to wait for then.
    if (!more && socket.writableLength > 0) this.from.socket.pause()
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
 * Writes bytes that are only lent, from a copy: what the system does not take at once must outlive this call. Mostly it takes all,
 * and the one outbox of the process serves for the next write as well; where it does not, the outbox goes with
 * the write and the process gets another. While a socket has a backlog its copies are cut to size, so that a
 * slow reader holds no more than its high-water mark and one outbox.
 */
function writeLent(socket: Socket, bytes: Buffer): boolean {
  if (socket.writableLength > 0 || bytes.length > outbox.length) return socket.write(Buffer.from(bytes))
  outbox.set(bytes)
  const more = socket.write(outbox.subarray(0, bytes.length))
  if (socket.writableLength > 0) outbox = Buffer.allocUnsafeSlow(outbox.length)
  return more
}
