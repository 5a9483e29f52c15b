/** The schedule of health checks: each backend has its own, and all run concurrently. */
import type { Clock, Timer } from "../shared/clock.js"

/** The part of a pool that the checks use. */
export interface CheckedPool<Backend> {
  /** The backends to check now. */
  readonly members: readonly Backend[]
  /** Reports a check: passed, or its fault. */
  checked(backend: Backend, fault: string | undefined): void
}

/** Why a check failed. */
export interface CheckFault {
  /** In words, for a log. */
  readonly text: string
  /** The fault is not the backend's: the check counts neither way. */
  readonly isLocal: boolean
}

export interface HealthCheckSettings {
  /** From the end of a check to the start of the same backend's next one, ± 10 %. */
  readonly interval_ms: number
}

const JITTER = 0.1

/**
 * The schedule of one pool's checks. A slow check delays only the next one of its own backend. Timers are
 * unref'ed.
 */
export class HealthChecks<Backend> {
  /** For each backend under check: aborts its check in flight, or cancels its next one. */
  readonly #cancels = new Map<Backend, () => void>()
  #nextLook: Timer | undefined
  #isRunning = false

  /**
   * @param probe one check; it never rejects, and ends at once when `signal` is aborted
   * @param random gives numbers from 0 (included) to 1 (excluded)
   */
  constructor(
    private readonly pool: CheckedPool<Backend>,
    private readonly settings: HealthCheckSettings,
    private readonly probe: (backend: Backend, signal: AbortSignal) => Promise<CheckFault | undefined>,
    private readonly clock: Clock,
    private readonly random: () => number = Math.random,
  ) {}

  /** Checks every backend now. Backends that are added to the pool later are checked within an interval. */
  start(): void {
    this.#isRunning = true
    this.#look()
  }

  /** Stops for good: aborts the checks in flight and ignores their results. */
  stop(): void {
    this.#isRunning = false
    this.#nextLook?.cancel()
    for (const cancel of this.#cancels.values()) cancel()
    this.#cancels.clear()
  }

  #look(): void {
    for (const backend of this.pool.members) {
      if (!this.#cancels.has(backend)) void this.#check(backend)
    }
    this.#nextLook = this.clock.after(this.settings.interval_ms, () => this.#look()).unref()
  }

  async #check(backend: Backend): Promise<void> {
    const controller = new AbortController()
    this.#cancels.set(backend, () => controller.abort())
    const fault = await this.probe(backend, controller.signal)
    if (!this.#isRunning) return
    if (!this.#isMember(backend)) {
      this.#cancels.delete(backend)
      return
    }
    const delayMs = this.settings.interval_ms * (1 - JITTER + 2 * JITTER * this.random())
    const next = () => {
      if (this.#isMember(backend)) void this.#check(backend)
      else this.#cancels.delete(backend)
    }
    const timer = this.clock.after(delayMs, next).unref()
    this.#cancels.set(backend, () => timer.cancel())
    if (fault?.isLocal !== true) this.pool.checked(backend, fault?.text)
  }

  #isMember(backend: Backend): boolean {
    return this.pool.members.includes(backend)
  }
}
