/**
 * How a listener ends. It accepts for a while longer, then stops and lets its sessions end by themselves, and
 * closes those that are left.
 */
import type { SessionKeys } from "../config/listener-schema.js"
import type { SessionRegistry } from "../session/registry.js"
import { Spread } from "../session/spread.js"
import type { Clock } from "../shared/clock.js"
import { toTimerMs } from "../shared/timer.js"

export interface Drained {
  readonly settings: SessionKeys
  readonly sessions: SessionRegistry
  readonly clock: Clock
  /** Stops accepting. May be called again. */
  stopAccepting(): Promise<void>
}

export class Drain {
  #delay: Promise<void> | undefined
  #endDelay: (() => void) | undefined
  #spread: Spread | undefined

  constructor(private readonly listener: Drained) {}

  /**
   * Resolves when the last session has ended. Called again, it can only shorten the wait.
   * @param timeoutMs how long sessions may continue, counted from the end of the delay; 0 = all end now,
   * Infinity = no limit
   * @param delayMs how long the listener keeps accepting; only that of the first call counts
   */
  async run(timeoutMs: number, delayMs: number): Promise<void> {
    const { clock, sessions } = this.listener
    if (timeoutMs === 0) this.#endDelay?.()
    else if (delayMs > 0) await this.#delayed(delayMs)
    const stopped = this.listener.stopAccepting()
    const deadline = Number.isFinite(timeoutMs)
      ? clock.after(toTimerMs(timeoutMs), () => this.#closeRest(timeoutMs === 0))
      : undefined
    await stopped
    await sessions.untilEmpty()
    deadline?.cancel()
    this.#spread?.cancel()
  }

  #delayed(delayMs: number): Promise<void> {
    this.#delay ??= new Promise((resolve) => {
      const timer = this.listener.clock.after(delayMs, resolve)
      this.#endDelay = () => {
        timer.cancel()
        resolve()
      }
    })
    return this.#delay
  }

  #closeRest(now: boolean): void {
    const { settings, sessions, clock } = this.listener
    // A listener that shares its port still accepts what is in its queue.
    sessions.closeNew("drain_timeout")
    if (now) {
      this.#spread?.cancel()
      sessions.cutAll("drain_timeout")
    } else this.#spread ??= new Spread([...sessions], "drain_timeout", settings.drain_spread_ms, clock)
  }
}
