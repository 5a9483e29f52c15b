/**
 * What the plans of a proxy ask about requests, with connections, caches and timers of its own: a reload
 * keeps what it does not change.
 */
import type { Clock, Timer } from "../shared/clock.js"
import { toTimerMs } from "../shared/timer.js"

export interface Service {
  /** Reads its files, and does what else can fail. Called once, before its plan starts. */
  prepare?(): Promise<void>
  /** Ends its timers and connections. What is in flight may finish. */
  stop(): void
}

export class Services {
  /** By their keys. */
  readonly #all = new Map<string, Service>()
  readonly #added: Service[] = []
  #previous: ReadonlyMap<string, Service>
  /** Those that reloads have removed, until they are stopped. Shared by all plans. */
  readonly #removed: Map<Service, Timer>

  /** @param previous those of the plan that this one replaces */
  constructor(
    private readonly clock: Clock,
    previous?: Services,
  ) {
    this.#previous = previous === undefined ? new Map() : previous.#all
    this.#removed = previous === undefined ? new Map() : previous.#removed
  }

  /**
   * The service with this key, from this plan or the previous one, else a new one.
   * @param kind its class
   * @param key everything that it is made from. Two that differ in anything need different keys
   * @param isKept false: that of the previous plan is not taken, since it has read files that may have
   * changed
   */
  take<Kind extends Service>(
    kind: abstract new (...args: never[]) => Kind,
    key: string,
    create: () => Kind,
    { isKept = true } = {},
  ): Kind {
    const known = this.#all.get(key) ?? (isKept ? this.#previous.get(key) : undefined)
    const service = known instanceof kind ? known : create()
    this.#all.set(key, service)
    if (service !== known) this.#added.push(service)
    return service
  }

  /** @throws {SettingError} */
  async prepare(): Promise<void> {
    for (const service of this.#added) await service.prepare?.()
  }

  /**
   * Stops the services of the previous plan that this one does not have.
   * @param lingerMs how much later: sessions that began before may still ask them
   */
  start(lingerMs: number): void {
    const kept = new Set(this.#all.values())
    for (const service of this.#previous.values()) if (!kept.has(service)) this.#stopLater(service, lingerMs)
    this.#previous = new Map()
    this.#added.length = 0
  }

  /** The plan does not start: stops what it has added. */
  abandon(): void {
    for (const service of this.#added) service.stop()
  }

  /** All sessions have ended. */
  stop(): void {
    for (const timer of this.#removed.values()) timer.cancel()
    for (const service of [...this.#all.values(), ...this.#removed.keys()]) service.stop()
    this.#removed.clear()
  }

  #stopLater(service: Service, lingerMs: number): void {
    const stop = () => {
      this.#removed.delete(service)
      service.stop()
    }
    this.#removed.set(service, this.clock.after(toTimerMs(lingerMs), stop).unref())
  }
}

/** A service is the same one while everything that is written about it stays the same. */
export function keyOf(kind: string, written: unknown): string {
  return `${kind} ${JSON.stringify(written)}`
}
