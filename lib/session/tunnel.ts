/**
 * What a session becomes after the 101: two sockets and a pump for each direction, until both have ended or
 * one has broken.
 *
 * - Bytes are passed on as they arrive. A slow reader stops us from reading the other side.
 * - A FIN is passed on behind the last byte; the other direction keeps flowing.
 * - An error on one side resets the other, so that a truncated stream never looks complete.
 * - Whatever rws ends a tunnel for, `close` does it: with Close frames if they are configured, else at once.
 */
import type { TunnelLimits } from "../access/check.js"
import { type CloseReason, SessionEnd, toSessionEnd } from "../close-reason.js"
import type { SessionKeys } from "../config/listener-schema.js"
import type { Connection } from "../net/connection.js"
import type { Sweep, Swept } from "../net/sweep.js"
import type { SessionSummary } from "../ops/session-summary.js"
import { type Clock, elapsedMs } from "../shared/clock.js"
import { CLOSING_MS, Closing } from "./closing.js"
import { Pump, type PumpEnds } from "./pump.js"

/** Linux refuses a longer TCP_KEEPIDLE and keeps its default of two hours. */
const MAX_KEEPALIVE_MS = 32_767_000

/** The deadlines that `Tunnel.check` enforces; 0 = none. */
export function tunnelDeadlinesMs(settings: SessionKeys): number[] {
  const { idle_timeout_ms, half_close_timeout_ms, max_lifetime_ms, close_frames } = settings
  return [idle_timeout_ms, half_close_timeout_ms, max_lifetime_ms, close_frames ? CLOSING_MS : 0]
}

/** The part of `max_lifetime_ms` over which tunnels that began together are closed. */
const LIFETIME_SPREAD = 0.1

export interface TunnelOwner {
  /** One side has sent FIN. Called for each. */
  halfClosed?(reason: CloseReason): void
  /** Both sockets are gone. Called once. */
  finish(end: SessionEnd): void
}

export class Tunnel implements PumpEnds, Swept {
  readonly #openedMs: number
  private readonly settings: SessionKeys
  /** When it reaches its lifetime or its token expires; once it is being closed, when it is cut. */
  #expiresMs: number
  readonly #expiry: CloseReason
  /** Only with `close_frames`. */
  #closing: Closing | undefined
  /** The first FIN, unless an error came after it. */
  #reason: CloseReason | undefined
  /** An error, or the reason for which rws closes the tunnel. */
  #error: SessionEnd | undefined
  #openSockets = 2
  #halfClosed = false
  #isNew = true
  #bytesSeen = -1
  #movedAtMs = 0

  constructor(
    private readonly client: Connection,
    private readonly backend: Connection,
    settings: SessionKeys,
    private readonly listener: { readonly sweep: Sweep; readonly clock: Clock },
    private readonly owner: TunnelOwner,
    limits?: TunnelLimits,
  ) {
    this.settings = withLimits(settings, limits)
    this.#openedMs = listener.clock.nowMs()
    const lifetimeMs = this.settings.max_lifetime_ms || Number.POSITIVE_INFINITY
    const tokenMs = (limits?.expiresAt ?? Number.POSITIVE_INFINITY) - Date.now()
    const spreadMs = lifetimeMs * (1 - LIFETIME_SPREAD * Math.random())
    this.#expiresMs = this.#openedMs + Math.min(spreadMs, tokenMs)
    this.#expiry = tokenMs < spreadMs ? "token_expired" : "max_lifetime"
  }

  start(): void {
    const { client, backend, settings } = this
    this.listener.sweep.add(this)
    if (settings.close_frames) {
      this.#closing = new Closing(client, backend, settings, this)
      this.#closing.attach()
      return
    }
    client.attach(new Pump(client, backend, this, "client_fin", "client_reset"))
    backend.attach(new Pump(backend, client, this, "backend_fin", "backend_reset"))
  }

  /** Ends the tunnel, with a closing handshake if `close_frames` is on and both sockets are there. */
  close(end: SessionEnd): void {
    if (this.#closing === undefined || this.#openSockets < 2) {
      this.cut(end)
      return
    }
    if (this.#error !== undefined) return
    this.#error = end
    this.#expiresMs = this.listener.clock.nowMs() + CLOSING_MS
    this.listener.sweep.add(this)
    this.#closing.begin(end)
  }

  /** Ends the tunnel now: Close frames are sent, but no reply is awaited. */
  cut(end: SessionEnd): void {
    this.#error ??= end
    if (this.#openSockets === 2) this.#closing?.begin(this.#error)
    this.client.close(this.#error)
    this.backend.close(this.#error)
  }

  get bytesFromClient(): number {
    return this.client.stageBytes
  }

  get bytesFromBackend(): number {
    return this.backend.stageBytes
  }

  summarize(summary: SessionSummary): void {
    summary.tunnelMs = elapsedMs(this.listener.clock, this.#openedMs)
    summary.bytesFromClient = this.bytesFromClient
    summary.bytesFromBackend = this.bytesFromBackend
  }

  onEnd(reason: CloseReason, to: Connection): void {
    this.#reason ??= reason
    this.owner.halfClosed?.(reason)
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
    this.owner.finish(this.#error ?? new SessionEnd(this.#reason ?? reason))
  }

  check(nowMs: number): void {
    if (this.#error !== undefined) {
      if (nowMs >= this.#expiresMs) this.cut(this.#error)
      return
    }
    if (this.#isNew) this.#settle()
    if (nowMs >= this.#expiresMs) {
      this.close(new SessionEnd(this.#expiry))
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
      this.close(new SessionEnd("half_close_timeout"))
    else if (idleTimeoutMs > 0 && silentMs >= idleTimeoutMs) this.close(new SessionEnd("idle_timeout"))
  }

  /**
   * The first check comes up to a second after the start. Only a tunnel that still exists then gets
   * keepalive: a short one saves four system calls, a twentieth of the cost of its handshake.
   */
  #settle(): void {
    this.#isNew = false
    const { keepalive_ms, idle_timeout_ms, half_close_timeout_ms } = this.settings
    if (keepalive_ms > 0) {
      const delayMs = Math.min(keepalive_ms, MAX_KEEPALIVE_MS)
      this.client.socket.setKeepAlive(true, delayMs)
      this.backend.socket.setKeepAlive(true, delayMs)
    }
    const hasDeadline = idle_timeout_ms > 0 || Number.isFinite(this.#expiresMs)
    if (!hasDeadline && !(this.#halfClosed && half_close_timeout_ms > 0)) this.listener.sweep.delete(this)
  }
}

/** A copy only if there is something to override: a tunnel keeps it. */
function withLimits(settings: SessionKeys, limits: TunnelLimits = {}): SessionKeys {
  const { expiresAt: _, ...overrides } = limits
  return Object.keys(overrides).length === 0 ? settings : { ...settings, ...overrides }
}

/**
 * Bytes read from the peer and taken by the kernel for it. A reader counts as silent while the kernel's
 * buffer has no room for the next write, 128 KiB at most: Node reports nothing finer.
 */
function bytesMoved({ socket }: Connection): number {
  return socket.bytesRead + socket.bytesWritten - socket.writableLength
}
