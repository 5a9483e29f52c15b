/** The plan that a proxy goes by, and the reloads that replace it. */
import { describeChanges } from "../config/describe-changes.js"
import type { Config } from "../config/schema.js"
import { findShortage } from "../limits/descriptors.js"
import { addRow, createMeterRow } from "../metrics/meter-cells.js"
import type { InheritedSocket } from "../net/inherited-sockets.js"
import { type Log, setLevel } from "../ops/log.js"
import type { Observer, ReloadSource } from "../ops/observer.js"
import type { ServedListener } from "./data-plane.js"
import { logDetail } from "./listener-rows.js"
import { type FirstParts, Plan, type PlannedListener } from "./plan.js"

export class CurrentPlan {
  #plan: Plan
  /** Listeners that reloads have removed, until they have drained. */
  readonly #removed = new Map<PlannedListener, Promise<void>>()
  /** What the removed listeners that have drained had counted. */
  readonly #past = new Float64Array(createMeterRow())
  /** The end of the last reload, however it ended. */
  #reloaded: Promise<unknown> = Promise.resolve()
  #hasStarted = false
  #isClosing = false

  /**
   * @param createPlane default: the one that the configuration says
   * @throws {ConfigError}
   */
  constructor(
    config: Config,
    private readonly observer: Observer,
    private readonly log: Log,
    parts?: FirstParts,
  ) {
    this.#plan = new Plan(config, observer, undefined, parts)
    this.#tellLog()
  }

  get current(): Plan {
    return this.#plan
  }

  /** Listeners that reloads have removed and that still drain. */
  get removed(): PlannedListener[] {
    return [...this.#removed.keys()]
  }

  /**
   * What all listeners have counted since the start, laid out by `meter-cells.ts`. Nothing leaves the sums
   * with a listener that is removed, so they never go back.
   */
  counted(): Float64Array {
    const sum = this.#past.slice()
    for (const { rows } of [...this.#plan.listeners, ...this.#removed.keys()]) {
      for (const row of rows.meters) addRow(sum, row)
    }
    return sum
  }

  /** All listeners listen. */
  get isStarted(): boolean {
    return this.#hasStarted
  }

  /** No reload takes effect any more. */
  get isClosing(): boolean {
    return this.#isClosing
  }

  /** All listeners listen, and none is about to stop. */
  get isReady(): boolean {
    return this.#hasStarted && !this.#isClosing
  }

  /** In the order of the configuration. */
  get listeners(): ServedListener[] {
    return this.#plan.listeners.map(({ running }) => running)
  }

  /**
   * Binds all listeners, or takes over inherited sockets, and starts the health checks. If it rejects,
   * nothing is left bound or running.
   */
  async start(inherited: readonly InheritedSocket[] = []): Promise<void> {
    try {
      await this.#plan.prepare(inherited)
      this.#plan.start()
      this.#hasStarted = true
      const shortage = findShortage(this.#plan.listeners.map(({ settings }) => settings))
      if (shortage !== undefined) this.observer.descriptorsShort(shortage)
    } catch (error) {
      await this.drain(0)
      throw error
    }
  }

  /** Reloads are done one after the other. See `RunningProxy.reload`. */
  reload(config: Config): Promise<string[]> {
    return this.#afterOthers(() =>
      this.#reload(config, "reload").catch((error: unknown) => {
        this.observer.reloadRefused()
        throw error
      }),
    )
  }

  /**
   * A change by the admin API: a reload to a configuration that is made from the current one.
   * @param change undefined if nothing is to be reloaded. What it throws is passed on
   */
  change(change: (config: Config) => Config | undefined): Promise<string[]> {
    return this.#afterOthers(async () => {
      const config = change(this.#plan.config)
      return config === undefined ? [] : this.#reload(config, "api")
    })
  }

  /**
   * Drains all listeners, also those that reloads have removed, and stops the health checks. No reload begins
   * or takes effect from now on. May be called again to shorten the wait.
   * @returns how many tunnels were cut
   */
  async drain(timeoutMs?: number): Promise<number> {
    const isFirst = !this.#isClosing
    this.#isClosing = true
    if (isFirst && this.#hasStarted) this.#tellDraining(this.#plan.listeners)
    const all = [...this.listeners, ...this.removed.map(({ running }) => running)]
    const drained = all.map((listener) => {
      const { drain_timeout_ms, drain_delay_ms } = listener.settings
      return listener.drain(timeoutMs ?? drain_timeout_ms, drain_delay_ms)
    })
    await Promise.all([...drained, ...this.#removed.values(), this.#reloaded])
    this.#plan.pools.stop()
    this.#plan.services.stop()
    await this.#plan.plane.stop()
    return all.reduce((sum, { cut }) => sum + cut, 0)
  }

  /** For tests. */
  crashWorker(worker: number): void {
    this.#plan.plane.crash(worker)
  }

  #afterOthers(reload: () => Promise<string[]>): Promise<string[]> {
    const reloaded = this.#reloaded.then(reload)
    this.#reloaded = reloaded.catch(() => {})
    return reloaded
  }

  async #reload(config: Config, source: ReloadSource): Promise<string[]> {
    this.#refuseIfClosing()
    const plan = new Plan(config, this.observer, this.#plan)
    await plan.prepare()
    try {
      this.#refuseIfClosing()
    } catch (error) {
      await plan.abandon()
      throw error
    }
    return this.#replaceBy(plan, source)
  }

  /** All in one turn of the event loop: no session sees one half of each configuration. */
  #replaceBy(plan: Plan, source: ReloadSource): string[] {
    const sessions = new Map(
      this.#plan.listeners.map(({ identity, running }) => [identity, running.sessions.size]),
    )
    const changes = describeChanges(this.#plan.config, plan.config, (listener) => sessions.get(listener) ?? 0)
    if (plan.logLevel !== this.#plan.logLevel && !setLevel(this.log, plan.logLevel)) {
      changes.push("log.level has no effect: this log keeps the level that it was made with")
    }
    const removed = plan.start()
    this.#plan = plan
    this.#tellLog()
    this.observer.reloaded(changes, source)
    this.#tellDraining(removed)
    for (const listener of removed) this.#drainRemoved(listener)
    return changes
  }

  #tellLog(): void {
    this.observer.logSettings(this.#plan.log, logDetail(this.#plan.rows))
  }

  #tellDraining(listeners: readonly PlannedListener[]): void {
    for (const { running } of listeners) this.observer.draining(running.settings.name)
  }

  /** Its own settings say for how long. */
  #drainRemoved(listener: PlannedListener): void {
    const { running, rows } = listener
    const { name, drain_timeout_ms } = running.settings
    const drained = running.drain(drain_timeout_ms).then(() => {
      this.#removed.delete(listener)
      for (const row of rows.meters) addRow(this.#past, row)
      this.#plan.plane.forget(running)
      this.observer.stopped(name, running.cut)
    })
    this.#removed.set(listener, drained)
  }

  #refuseIfClosing(): void {
    if (this.#isClosing) throw new Error("the proxy is closing: its configuration can't be changed any more")
  }
}
