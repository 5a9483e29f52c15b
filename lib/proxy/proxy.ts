/** The composition root: a configuration becomes listeners that run sessions. */
import { EventEmitter } from "node:events"
import { formatAddress } from "../address/address.js"
import type { Config } from "../config/schema.js"
import { BindError } from "../net/listener.js"
import { type Log, LogObserver, SILENT } from "../ops/log.js"
import { type Observer, Observers } from "../ops/observer.js"
import { Rows } from "../shared/rows.js"
import { toTimerMs } from "../shared/timer.js"
import { makePlan } from "./plan.js"
import type { Pools } from "./pools.js"
import { RunningListener } from "./running-listener.js"
import { type ProxyEvents, SessionEvents } from "./session-events.js"

export interface ProxyOptions {
  /**
   * A pino logger, or the one that `createLog` makes. Default: no log. It has a level of its own; the
   * configuration's `log.level` is for the `rws` program.
   */
  readonly log?: Log
}

/**
 * Starts a proxy. Resolves once every listener listens.
 * @param config the content of a configuration file, with the same keys; keys with a default may be omitted
 * @throws {ConfigError} when the configuration is not valid
 * @throws {SettingError} when a file of a `Pool`'s `tls` can't be used; then nothing has been bound
 * @throws {BindError} when an address can't be bound; then nothing is left listening
 */
export async function createProxy(config: Config, options: ProxyOptions = {}): Promise<RunningProxy> {
  const proxy = new RunningProxy(config, options.log ?? SILENT)
  await proxy.listen()
  return proxy
}

/** Listeners that have been started together. Made by `createProxy` and `WsProxy.bind`. */
export class RunningProxy extends EventEmitter<ProxyEvents> {
  readonly #listeners: readonly RunningListener[]
  readonly #pools: Pools
  readonly #observer: Observer
  #reported: Promise<void> | undefined

  /**
   * @throws {ConfigError}
   * @internal
   */
  constructor(config: Config, log: Log) {
    super()
    this.#observer = new Observers([new LogObserver(log), new SessionEvents(this)])
    const { pools, listeners } = makePlan(config, new Rows(), this.#observer)
    this.#pools = pools
    this.#listeners = listeners.map(
      ({ settings, rows }) => new RunningListener(settings, this.#observer, rows),
    )
  }

  /**
   * Binds all listeners and starts the health checks. If it rejects, nothing is left bound or running.
   * @internal
   */
  async listen(): Promise<void> {
    try {
      this.#pools.readFiles()
      await this.#bind()
      this.#pools.start()
      for (const { settings, address } of this.#listeners) {
        const { name, ownPool } = settings
        this.#observer.listening(name, address, ownPool?.backends)
      }
    } catch (error) {
      await this.#stop(0)
      throw error
    }
  }

  async #bind(): Promise<void> {
    const outcomes = await Promise.allSettled(this.#listeners.map((listener) => listener.listen()))
    const failures = outcomes.flatMap((outcome) =>
      outcome.status === "rejected" ? [outcome.reason as Error] : [],
    )
    if (failures.length > 0) {
      throw new BindError(failures.map(({ message }) => message).join("\n"), { cause: failures[0] })
    }
  }

  /** The bound address of the first listener: `host:port`, `[v6]:port` or `unix:/path`. */
  address(): string {
    const [address = ""] = this.addresses()
    return address
  }

  /** The bound address of each listener, in the order of the configuration. */
  addresses(): string[] {
    return this.#listeners.map(({ address }) => formatAddress(address))
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
    const stopped = this.#stop(timeoutMs)
    this.#reported ??= stopped.then(() => {
      for (const { settings, cut } of this.#listeners) this.#observer.stopped(settings.name, cut)
    })
    await stopped
    await this.#reported
    // Events are emitted in a tick of their own, and the last one must come before this resolves.
    await new Promise<void>((resolve) => process.nextTick(resolve))
    return this.#listeners.reduce((sum, { cut }) => sum + cut, 0)
  }

  async #stop(timeoutMs?: number): Promise<void> {
    await Promise.all(
      this.#listeners.map((listener) => {
        const { drain_timeout_ms, drain_delay_ms } = listener.settings
        return listener.drain(timeoutMs ?? drain_timeout_ms, drain_delay_ms)
      }),
    )
    this.#pools.stop()
  }
}
