/** When backends are checked: each of them for itself, again and again, all in parallel. */

import { toTimerMs } from "../shared/timer.js"

/** What the checks need of a pool. */
export interface CheckedPool<Backend> {
  /** The backends that are to be checked now. */
  readonly members: readonly Backend[]
  /** A check has passed, or found a fault. */
  checked(backend: Backend, fault: string | undefined): void
}

/** What a check has found. */
export interface CheckFault {
  /** In words, for a log. */
  readonly text: string
  /** Whether it says nothing about the backend, so that the check counts neither way. */
  readonly isLocal: boolean
}

export interface HealthCheckSettings {
  /** From the end of a check to the beginning of the next one of the same backend, give or take a tenth. */
  readonly interval_ms: number
}

/** What the schedule needs of the world. */
export interface HealthCheckWorld {
  /** Calls once, later. Returns what takes it back. */
  after(delayMs: number, call: () => void): () => void
  /** From 0 (included) to 1 (excluded). */
  random(): number
}

/** Its timers keep no process alive. */
const REAL_WORLD: HealthCheckWorld = {
  after(delayMs, call) {
    const timer = setTimeout(call, toTimerMs(delayMs)).unref()
    return () => clearTimeout(timer)
  },
  random: Math.random,
}

const JITTER = 0.1

/** The schedule of one pool's checks. A check that takes long delays only the next one of its own backend. */
export class HealthChecks<Backend> {
  /** Each backend under check with what ends its check under way, or takes its next one back. */
  readonly #cancels = new Map<Backend, () => void>()
  #cancelLook: (() => void) | undefined
  #isRunning = false

  /** @param probe one check; it never rejects, and ends at once when `signal` is aborted */
  constructor(
    private readonly pool: CheckedPool<Backend>,
    private readonly settings: HealthCheckSettings,
    private readonly probe: (backend: Backend, signal: AbortSignal) => Promise<CheckFault | undefined>,
    private readonly world: HealthCheckWorld = REAL_WORLD,
  ) {}

  /** Begins with a check of every backend. Those that are added to the pool later are found within an interval. */
  start(): void {
    this.#isRunning = true
    this.#look()
  }

  /** For good. Ends the checks under way, and what they find is passed over. */
  stop(): void {
    this.#isRunning = false
    this.#cancelLook?.()
    for (const cancel of this.#cancels.values()) cancel()
    this.#cancels.clear()
  }

  #look(): void {
    for (const backend of this.pool.members) {
      if (!this.#cancels.has(backend)) void this.#check(backend)
    }
    this.#cancelLook = this.world.after(this.settings.interval_ms, () => this.#look())
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
    const delayMs = this.settings.interval_ms * (1 - JITTER + 2 * JITTER * this.world.random())
    const next = () => {
      if (this.#isMember(backend)) void this.#check(backend)
      else this.#cancels.delete(backend)
    }
    this.#cancels.set(backend, this.world.after(delayMs, next))
    if (fault?.isLocal !== true) this.pool.checked(backend, fault?.text)
  }

  #isMember(backend: Backend): boolean {
    return this.pool.members.includes(backend)
  }
}
