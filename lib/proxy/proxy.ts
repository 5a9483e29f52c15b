/** The composition root: a configuration becomes listeners that run sessions. */
import { EventEmitter } from "node:events"
import { formatAddress } from "../address/address.js"
import type { Config } from "../config/schema.js"
import type { InheritedSocket } from "../net/inherited-sockets.js"
import { type Log, LogObserver, SILENT } from "../ops/log.js"
import { type Observer, Observers } from "../ops/observer.js"
import { toTable } from "../settings/table.js"
import { toTimerMs } from "../shared/timer.js"
import type { Admin } from "./admin.js"
import type { Hooks } from "./hooks.js"
import type { CreatePlane, FirstParts } from "./plan.js"
import { CurrentPlan } from "./reload.js"
import { type ProxyEvents, SessionEvents } from "./session-events.js"

export interface ProxyOptions extends Hooks {
  /**
   * A pino logger, or the one that `createLog` makes. Default: no log. It has a level, a format and a file of
   * its own; those keys of the configuration's `[log]` are for the `rws` program.
   */
  readonly log?: Log
  /**
   * Sockets that the process has inherited, for `rws` itself.
   * @internal
   */
  readonly inherited?: readonly InheritedSocket[]
  /**
   * Reads the configuration file and applies it, for the admin API of `rws` itself.
   * @internal
   */
  readonly readAgain?: (() => Promise<string[]>) | undefined
  /**
   * Whether another rws has the admin address until it is told to drain.
   * @internal
   */
  readonly replaces?: boolean
}

/**
 * Starts a proxy. Resolves once every listener listens.
 * @param config the content of a configuration file, with the same keys; keys with a default may be omitted
 * @throws {ConfigError} when the configuration is not valid
 * @throws {SettingError} when a file of a `Pool`'s `tls` can't be used; then nothing has been bound
 * @throws {BindError} when an address can't be bound; then nothing is left listening
 */
export function createProxy(config: Config, options: ProxyOptions = {}): Promise<RunningProxy> {
  return startProxy(config, options)
}

/** See `createProxy`. @param createPlane what serves the listeners. Default: what the configuration says */
export async function startProxy(
  config: Config,
  options: ProxyOptions,
  createPlane?: CreatePlane,
): Promise<RunningProxy> {
  // Imported lazily: without an admin server it takes no memory.
  const hasAdmin = toTable(toTable(config).admin).bind !== undefined
  const admin = hasAdmin ? new (await import("./admin.js")).Admin() : undefined
  const proxy = new RunningProxy(config, options.log ?? SILENT, admin, { hooks: options, createPlane })
  await proxy.listen(options)
  return proxy
}

/** Listeners that have been started together. Made by `createProxy` and `WsProxy.bind`. */
export class RunningProxy extends EventEmitter<ProxyEvents> {
  readonly #plan: CurrentPlan
  readonly #observer: Observer
  #reported: Promise<void> | undefined

  /**
   * @throws {ConfigError}
   * @internal
   */
  constructor(
    config: Config,
    private readonly log: Log,
    private readonly admin?: Admin,
    parts?: FirstParts,
  ) {
    super()
    const observers = [new LogObserver(log), new SessionEvents(this)]
    this.#observer = new Observers([...observers, ...(admin?.observers ?? [])])
    this.#plan = new CurrentPlan(config, this.#observer, log, parts)
  }

  /**
   * Binds all listeners and starts the health checks. If it rejects, nothing is left bound or running.
   * @internal
   */
  async listen(options: ProxyOptions = {}): Promise<void> {
    const { log } = this
    try {
      // First, so that it can say that nothing is ready yet.
      await this.admin?.listen(this.#plan.current.admin, this.#plan, { ...options, log })
      await this.#plan.start(options.inherited)
    } catch (error) {
      await this.#plan.drain(0)
      await this.admin?.close()
      throw error
    }
  }

  /** The bound address of the admin server, as that of a listener; undefined if there is none. */
  adminAddress(): string | undefined {
    const address = this.admin?.address
    return address && formatAddress(address)
  }

  /**
   * Closes the admin server before everything else, for an rws that takes its address.
   * @internal
   */
  async closeAdmin(): Promise<void> {
    await this.admin?.close()
  }

  /** The bound address of the first listener: `host:port`, `[v6]:port` or `unix:/path`. */
  address(): string {
    const [address = ""] = this.addresses()
    return address
  }

  /** The bound address of each listener, in the order of the configuration. */
  addresses(): string[] {
    return this.#plan.listeners.map(({ address }) => formatAddress(address))
  }

  /**
   * Replaces the configuration without closing anything. Listeners whose `bind` stays keep their socket; new
   * ones bind first, then removed ones stop accepting and drain by their own `drain_timeout_ms`. Sessions
   * that begin later go by the new configuration; open tunnels keep the timeouts that they have, and all
   * limits count them. Counts, health and ejections of backends that stay survive, also if their weight
   * changes. PEM files are read again. Reloads are done one after the other.
   * @param config the whole new configuration, as for `createProxy`
   * @returns what has changed, in words, one entry for each listener, pool or table; empty if nothing has
   * @throws {ConfigError} when the configuration is not valid
   * @throws {SettingError} when a file of a `Pool`'s `tls` can't be used
   * @throws {BindError} when an address can't be bound
   * @throws {Error} when the proxy is closing. After each of these errors everything is as it was
   */
  reload(config: Config): Promise<string[]> {
    return this.#plan.reload(config)
  }

  /**
   * A configuration file could not be read, so it has not got as far as `reload`. For metrics.
   * @internal
   */
  reloadRefused(): void {
    this.#observer.reloadRefused()
  }

  /**
   * Makes a worker thread throw an error that nobody catches, for tests.
   * @internal
   */
  crashWorker(worker: number): void {
    this.#plan.crashWorker(worker)
  }

  /**
   * Drains: each listener keeps accepting for `drain_delay_ms`, stops, lets tunnels end by themselves and, at
   * the deadline, closes those that are left over `drain_spread_ms`. Called again, it can shorten the wait.
   * @param timeoutMs the deadline, from the end of the delay. Default: each listener's `drain_timeout_ms`.
   * 0 = close all now, without delay and spread; Infinity = never
   * @returns once the last session is gone: how many tunnels the drain has cut
   * @throws {RangeError} when it is negative or NaN; then nothing is closed
   */
  async close(timeoutMs?: number): Promise<number> {
    if (timeoutMs !== undefined) toTimerMs(timeoutMs)
    const drained = this.#plan.drain(timeoutMs)
    this.#reported ??= drained.then(() => {
      for (const { settings, cut } of this.#plan.listeners) this.#observer.stopped(settings.name, cut)
    })
    const cut = await drained
    await this.#reported
    await this.admin?.close()
    // Events are emitted in a tick of their own, and the last one must come before this resolves.
    await new Promise<void>((resolve) => process.nextTick(resolve))
    return cut
  }

  /** Drains, as `close()` does, at the end of an `await using` block. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
