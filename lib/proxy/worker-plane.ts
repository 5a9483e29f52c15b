/**
 * The data plane in a worker thread: listeners that share their addresses with those of the other workers.
 */
import { threadId } from "node:worker_threads"
import type { Address } from "../address/address.js"
import { LoopDelay } from "../metrics/loop-delay.js"
import type { Observer } from "../ops/observer.js"
import type { Backend } from "../pool/backend.js"
import type { ListenerSettings } from "../session/listener-state.js"
import type { Clock } from "../shared/clock.js"
import type { DataPlane, LiveSessions, NewListener, ServedListener, ServedPlan } from "./data-plane.js"
import type { Pools } from "./pools.js"
import { RunningListener } from "./running-listener.js"
import type { BoundAddresses } from "./worker-messages.js"

export class WorkerPlane implements DataPlane {
  readonly runsChecks = false
  readonly servesHere = true
  readonly threads: readonly number[]
  readonly isMetered = false
  readonly #listeners = new Map<string, ServedListener>()
  readonly #draining = new Set<RunningListener>()
  #keys: ReadonlyMap<string, string> = new Map()
  #bound: BoundAddresses = new Map()

  #loopDelay: LoopDelay | undefined

  constructor(private readonly worker: number) {
    this.threads = [worker]
  }

  /** The names of the listeners in the next plan, and the addresses that other workers have bound. */
  expect(keys: ReadonlyMap<string, string>, bound: BoundAddresses): void {
    this.#keys = keys
    this.#bound = bound
  }

  newListener({ identity, settings, rows }: NewListener, observer: Observer, clock: Clock): ServedListener {
    const key = this.#keys.get(identity) ?? identity
    const { bind } = settings
    const listener =
      bind.kind === "tcp"
        ? new RunningListener(settings, observer, rows, clock, this.#bound.get(key) ?? bind)
        : this.worker === 0
          ? new RunningListener(settings, observer, rows, clock)
          : new ServedElsewhere(settings)
    this.#listeners.set(key, listener)
    return listener
  }

  /** Where the listeners of the next plan are bound. */
  boundAddresses(): BoundAddresses {
    const keys = [...this.#keys.values()]
    return new Map(
      keys.flatMap((key) => {
        const listener = this.#listeners.get(key)
        return listener === undefined ? [] : [[key, listener.address] as const]
      }),
    )
  }

  /** Resolves to how many tunnels were cut. */
  async drain(key: string, timeoutMs: number, delayMs: number): Promise<number> {
    const listener = this.#listeners.get(key)
    if (listener instanceof RunningListener) this.#draining.add(listener)
    await listener?.drain(timeoutMs, delayMs)
    this.#listeners.delete(key)
    if (listener instanceof RunningListener) this.#draining.delete(listener)
    return listener?.cut ?? 0
  }

  /** Resolves once the listeners that drain have given up their addresses. */
  async closed(): Promise<void> {
    await Promise.all([...this.#draining].map(({ stopped }) => stopped))
  }

  closeTunnels(backend: Backend): void {
    for (const listener of this.#listeners.values()) {
      if (listener instanceof RunningListener) listener.closeTunnelsOf(backend)
    }
  }

  /** Loaded lazily: without an admin server it takes no memory. */
  async liveSessions(pools: () => Pools | undefined): Promise<LiveSessions> {
    const { SessionList } = await import("./session-list.js")
    return new SessionList(threadId, () => this.#running(), pools)
  }

  forget(): void {}

  async prepare({ loopDelays: [row] }: ServedPlan): Promise<void> {
    if (row !== undefined) this.#loopDelay ??= new LoopDelay(row)
  }

  start(): void {}

  async stop(): Promise<void> {}

  crash(): void {}

  *#running(): Iterable<RunningListener> {
    for (const listener of this.#listeners.values()) if (listener instanceof RunningListener) yield listener
  }
}

/** A Unix socket, whose path can't be bound twice. Another worker serves it. */
class ServedElsewhere implements ServedListener {
  readonly sessions = { size: 0 }
  readonly cut = 0

  constructor(public settings: ListenerSettings) {}

  get address(): Address {
    return this.settings.bind
  }

  async listen(): Promise<void> {}

  apply(settings: ListenerSettings): void {
    this.settings = settings
  }

  async drain(): Promise<void> {}
}
