/**
 * What a session is after the 101: two sockets and a pump for each direction, until both have ended or one has broken.
 *
 * - Bytes are passed on as they come. A peer that reads slowly stops us from reading the other one.
 * - A FIN is passed on behind the last byte; the other direction goes on flowing.
 * - An error on one side resets the other, so that a cut stream can't be taken for a whole one.
 */
import { type CloseReason, SessionEnd, toSessionEnd } from "../close-reason.js"
import type { Connection } from "../net/connection.js"
import type { Sweep, Swept } from "../net/sweep.js"
import { Pump, type PumpEnds } from "./pump.js"

/** Linux refuses a longer TCP_KEEPIDLE and keeps its default of two hours. */
const MAX_KEEPALIVE_MS = 32_767_000

export interface TunnelOptions {
  /** No byte in either direction for this long ends the tunnel. 0 = never. */
  readonly idleTimeoutMs: number
  /** After one FIN, the other direction silent for this long. 0 = never. */
  readonly halfCloseTimeoutMs: number
  /** Idle time before the first TCP keepalive probe on both sockets, about nine hours at most. 0 = off. */
  readonly keepaliveMs: number
  readonly sweep: Sweep
}

/** Resolves, once both sockets are gone, to what ended the tunnel. Never rejects. */
export function tunnel(client: Connection, backend: Connection, options: TunnelOptions): Promise<SessionEnd> {
  return new Promise((resolve) => new Tunnel(client, backend, options, resolve).start())
}

class Tunnel implements PumpEnds, Swept {
  /** The first FIN, unless an error came after it. */
  #reason: CloseReason | undefined
  #error: SessionEnd | undefined
  #openSockets = 2
  #halfClosed = false
  #isNew = true
  #bytesSeen = -1
  #movedAtMs = 0

  constructor(
    private readonly client: Connection,
    private readonly backend: Connection,
    private readonly options: TunnelOptions,
    private readonly resolve: (end: SessionEnd) => void,
  ) {}

  start(): void {
    const { client, backend } = this
    this.options.sweep.add(this)
    client.attach(new Pump(client, backend, this, "client_fin", "client_reset"))
    client.onAbort = (error) => backend.close(toSessionEnd(error, "client_reset"))
    backend.attach(new Pump(backend, client, this, "backend_fin", "backend_reset"))
  }

  onEnd(reason: CloseReason, to: Connection): void {
    this.#reason ??= reason
    to.end()
    this.#halfClosed = true
    this.#bytesSeen = -1
    if (this.options.halfCloseTimeoutMs > 0) this.options.sweep.add(this)
  }

  onClose(reason: CloseReason, to: Connection, error?: Error): void {
    if (error !== undefined) {
      this.#error ??= toSessionEnd(error, reason)
      if (error instanceof SessionEnd) to.close(error)
      else to.reset(this.#error)
    }
    this.#openSockets--
    if (this.#openSockets > 0) return
    this.options.sweep.delete(this)
    this.resolve(this.#error ?? new SessionEnd(this.#reason ?? reason))
  }

  check(nowMs: number): void {
    if (this.#isNew) this.#settle()
    const bytes = bytesMoved(this.client) + bytesMoved(this.backend)
    if (bytes !== this.#bytesSeen) {
      this.#bytesSeen = bytes
      this.#movedAtMs = nowMs
      return
    }
    const { idleTimeoutMs, halfCloseTimeoutMs } = this.options
    const silentMs = nowMs - this.#movedAtMs
    if (this.#halfClosed && halfCloseTimeoutMs > 0 && silentMs >= halfCloseTimeoutMs)
      this.#cut("half_close_timeout")
    else if (idleTimeoutMs > 0 && silentMs >= idleTimeoutMs) this.#cut("idle_timeout")
  }

  /**
   * The first look comes up to a second after the start. Only a tunnel that is still there needs keepalive: a short one
   * is spared four system calls, a twentieth of what its handshake costs.
   */
  #settle(): void {
    this.#isNew = false
    const { keepaliveMs, idleTimeoutMs, halfCloseTimeoutMs, sweep } = this.options
    if (keepaliveMs > 0) {
      const delayMs = Math.min(keepaliveMs, MAX_KEEPALIVE_MS)
      this.client.socket.setKeepAlive(true, delayMs)
      this.backend.socket.setKeepAlive(true, delayMs)
    }
    if (idleTimeoutMs === 0 && !(this.#halfClosed && halfCloseTimeoutMs > 0)) sweep.delete(this)
  }

  #cut(reason: CloseReason): void {
    this.client.close(new SessionEnd(reason))
    this.backend.close(new SessionEnd(reason))
  }
}

/**
 * What we have read from the peer and what the system has taken for it. A reader counts as silent while the system's buffer
 * for it has no room for the next write, 64 KiB at most: Node tells nothing finer.
 */
function bytesMoved({ socket }: Connection): number {
  return socket.bytesRead + socket.bytesWritten - socket.writableLength
}
