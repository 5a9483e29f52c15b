/**
 * What a session becomes after the 101: two sockets and a pump for each direction, until both have ended or
 * one has broken.
 *
 * - Bytes are passed on as they arrive. A slow reader stops us from reading the other side.
 * - A FIN is passed on behind the last byte; the other direction keeps flowing.
 * - An error on one side resets the other, so that a truncated stream never looks complete.
 */
import { type CloseReason, SessionEnd, toSessionEnd } from "../close-reason.js"
import type { SessionKeys } from "../config/schema.js"
import type { Connection } from "../net/connection.js"
import type { Sweep, Swept } from "../net/sweep.js"
import type { SessionSummary } from "../ops/session-summary.js"
import type { Clock } from "../shared/clock.js"
import { Pump, type PumpEnds } from "./pump.js"

/** Linux refuses a longer TCP_KEEPIDLE and keeps its default of two hours. */
const MAX_KEEPALIVE_MS = 32_767_000

/** The deadlines that `Tunnel.check` enforces; 0 = none. */
export function tunnelDeadlinesMs(settings: SessionKeys): number[] {
  return [settings.idle_timeout_ms, settings.half_close_timeout_ms, settings.max_lifetime_ms]
}

/** The part of `max_lifetime_ms` over which tunnels that began together are closed. */
const LIFETIME_SPREAD = 0.1

/** Closes the client's connection, whose `onAbort` must close the backend's. */
export interface TunnelOwner {
  /** Both sockets are gone. Called once. */
  end(end: SessionEnd): void
}

export class Tunnel implements PumpEnds, Swept {
  readonly #openedMs: number
  readonly #expiresMs: number
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
    private readonly settings: SessionKeys,
    private readonly listener: { readonly sweep: Sweep; readonly clock: Clock },
    private readonly owner: TunnelOwner,
  ) {
    this.#openedMs = listener.clock.nowMs()
    const lifetimeMs = settings.max_lifetime_ms || Number.POSITIVE_INFINITY
    this.#expiresMs = this.#openedMs + lifetimeMs * (1 - LIFETIME_SPREAD * Math.random())
  }

  start(): void {
    const { client, backend } = this
    this.listener.sweep.add(this)
    client.attach(new Pump(client, backend, this, "client_fin", "client_reset"))
    backend.attach(new Pump(backend, client, this, "backend_fin", "backend_reset"))
  }

  get bytesFromClient(): number {
    return this.client.stageBytes
  }

  get bytesFromBackend(): number {
    return this.backend.stageBytes
  }

  summarize(summary: SessionSummary): void {
    summary.tunnelMs = this.listener.clock.nowMs() - this.#openedMs
    summary.bytesFromClient = this.bytesFromClient
    summary.bytesFromBackend = this.bytesFromBackend
  }

  onEnd(reason: CloseReason, to: Connection): void {
    this.#reason ??= reason
    to.end()
    this.#halfClosed = true
    this.#bytesSeen = -1
    if (this.settings.half_close_timeout_ms > 0) this.listener.sweep.add(this)
  }

  onClose(reason: CloseReason, to: Connection, error?: Error): void {
    if (error !== undefined) {
      this.#error ??= toSessionEnd(error, reason)
      if (error instanceof SessionEnd) to.close(error)
      else to.reset(this.#error)
    }
    this.#openSockets--
    if (this.#openSockets > 0) return
    this.listener.sweep.delete(this)
    this.owner.end(this.#error ?? new SessionEnd(this.#reason ?? reason))
  }

  check(nowMs: number): void {
    if (this.#isNew) this.#settle()
    if (nowMs >= this.#expiresMs) {
      this.#cut("max_lifetime")
      return
    }
    const bytes = bytesMoved(this.client) + bytesMoved(this.backend)
    if (bytes !== this.#bytesSeen) {
      this.#bytesSeen = bytes
      this.#movedAtMs = nowMs
      return
    }
    const { idle_timeout_ms: idleTimeoutMs, half_close_timeout_ms: halfCloseTimeoutMs } = this.settings
    const silentMs = nowMs - this.#movedAtMs
    if (this.#halfClosed && halfCloseTimeoutMs > 0 && silentMs >= halfCloseTimeoutMs)
      this.#cut("half_close_timeout")
    else if (idleTimeoutMs > 0 && silentMs >= idleTimeoutMs) this.#cut("idle_timeout")
  }

  /**
   * The first check comes up to a second after the start. Only a tunnel that still exists then gets
   * keepalive: a short one saves four system calls, a twentieth of the cost of its handshake.
   */
  #settle(): void {
    this.#isNew = false
    const { keepalive_ms, idle_timeout_ms, half_close_timeout_ms, max_lifetime_ms } = this.settings
    if (keepalive_ms > 0) {
      const delayMs = Math.min(keepalive_ms, MAX_KEEPALIVE_MS)
      this.client.socket.setKeepAlive(true, delayMs)
      this.backend.socket.setKeepAlive(true, delayMs)
    }
    const hasDeadline = idle_timeout_ms > 0 || max_lifetime_ms > 0
    if (!hasDeadline && !(this.#halfClosed && half_close_timeout_ms > 0)) this.listener.sweep.delete(this)
  }

  #cut(reason: CloseReason): void {
    this.client.close(new SessionEnd(reason))
    this.backend.close(new SessionEnd(reason))
  }
}

/**
 * Bytes read from the peer and taken by the kernel for it. A reader counts as silent while the kernel's
 * buffer has no room for the next write, 64 KiB at most: Node reports nothing finer.
 */
function bytesMoved({ socket }: Connection): number {
  return socket.bytesRead + socket.bytesWritten - socket.writableLength
}
