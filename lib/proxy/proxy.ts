/** The composition root: a configuration becomes listeners that run sessions. */
import { EventEmitter } from "node:events"
import { type Address, formatAddress, parseBindAddress, parseSocketMode } from "../address/address.js"
import { CLOSE_REASONS } from "../close-reason.js"
import { checkConfig } from "../config/load.js"
import type { Config, ConfigInput, ListenerConfig } from "../config/schema.js"
import { TrustedProxies } from "../forwarding/trusted-proxies.js"
import { ClientLimits } from "../limits/client-limits.js"
import { socketPlaces } from "../limits/descriptors.js"
import { Places } from "../limits/places.js"
import { parseRate } from "../limits/rate.js"
import { BindError, Listener } from "../net/listener.js"
import { Sweep } from "../net/sweep.js"
import { type Log, logDialFailure, logSession, SILENT } from "../ops/log.js"
import type { EndedSession, RefusedSession, SessionSummary } from "../ops/session-summary.js"
import type { RunningPool } from "../session/pool-runtime.js"
import { toRouter } from "../session/route-target.js"
import { runSession, type SessionContext } from "../session/session.js"
import { systemClock } from "../shared/clock.js"
import { toTimerMs } from "../shared/timer.js"
import { PoolBook } from "./pools.js"

export interface ProxyOptions {
  /**
   * Where the log goes: a pino logger, or what `createLog` makes. Default: nowhere. It has a level of its
   * own; the configuration's `log.level` is for the `rws` program.
   */
  readonly log?: Log
}

/** Each session has one `end` or one `refuse`; one that became a tunnel has an `open` before its `end`. */
export interface ProxyEvents {
  /** A tunnel has begun. What its end will add to the summary is not there yet. */
  open: [session: Readonly<SessionSummary>]
  /** A session has ended that rws gave no answer of its own: a tunnel, a relayed answer, or a peer that left. */
  end: [session: Readonly<EndedSession>]
  /** rws has answered with an HTTP status. */
  refuse: [session: Readonly<RefusedSession>]
}

/**
 * Starts a proxy. Resolves once every listener listens.
 * @param config what a configuration file holds, with the same keys; defaults may be left out
 * @throws {ConfigError} when the configuration is not valid
 * @throws {SettingError} when a file of a `Pool`'s `tls` can't be used; then nothing has been bound
 * @throws {BindError} when an address can't be bound; then nothing is left listening
 */
export async function createProxy(config: ConfigInput, options: ProxyOptions = {}): Promise<RunningProxy> {
  const checked = checkConfig(config)
  const proxy = new RunningProxy(checked, options.log ?? SILENT)
  await proxy.listen()
  return proxy
}

interface Listening {
  readonly name: string
  readonly config: ListenerConfig
  readonly own: RunningPool | undefined
  readonly listener: Listener
  readonly sweep: Sweep
}

/** Listeners that have been started together. Made by `createProxy` and `WsProxy.bind`. */
export class RunningProxy extends EventEmitter<ProxyEvents> {
  readonly #listeners: readonly Listening[]
  readonly #pools: PoolBook
  readonly #log: Log
  #reported: Promise<void> | undefined

  /** @internal */
  constructor({ pool, ws_proxy }: Config, log: Log) {
    super()
    this.#log = log
    this.#pools = new PoolBook(pool, log)
    this.#listeners = ws_proxy.map((config) => this.#describe(config))
  }

  #describe(config: ListenerConfig): Listening {
    const log = this.#log
    const name = config.name ?? config.bind
    const own = this.#pools.poolOf(config, name)
    const sweep = new Sweep([config.idle_timeout_ms, config.half_close_timeout_ms])
    const context: SessionContext = {
      name,
      config,
      router: toRouter(config, own, (place, title) => this.#pools.poolOf(place, title)),
      trusted: new TrustedProxies(config.trusted_proxies),
      limits: new ClientLimits(
        {
          ...config,
          rate_per_ip: config.rate_per_ip === undefined ? undefined : parseRate(config.rate_per_ip),
        },
        systemClock,
      ),
      connections: new Places(config.max_connections),
      pending: new Places(config.max_pending),
      sockets: socketPlaces(),
      tunnel: {
        idleTimeoutMs: config.idle_timeout_ms,
        halfCloseTimeoutMs: config.half_close_timeout_ms,
        keepaliveMs: config.keepalive_ms,
        sweep,
      },
      localPort: () => portOf(listener.address),
      onOpen: (session) => {
        const opened = { ...session }
        this.#defer("open", () => this.emit("open", opened))
      },
      onEnd: (session, end) => {
        logSession(log, session, end)
        const { status } = CLOSE_REASONS[end.reason]
        if (status === undefined) this.#defer("end", () => this.emit("end", session))
        else this.#defer("refuse", () => this.emit("refuse", Object.assign(session, { status })))
      },
      onDialFailure: (backend, error) => logDialFailure(log, name, backend, error),
    }
    const listener = new Listener(
      {
        address: parseBindAddress(config.bind),
        mode: config.bind_mode === undefined ? undefined : parseSocketMode(config.bind_mode),
      },
      {
        onClient: (client) => runSession(client, context),
        onFault: (error) =>
          log.error({ listener: name, error: error.message }, "a client could not be accepted"),
      },
    )
    return { name, config, own, listener, sweep }
  }

  /**
   * Binds all listeners and starts the health checks. Where it rejects nothing is left bound or running.
   * @internal
   */
  async listen(): Promise<void> {
    try {
      this.#pools.readFiles()
      await this.#bind()
      this.#pools.start()
      for (const { name, own, listener } of this.#listeners) {
        const backends = own?.pool.backends
        this.#log.info({ listener: name, bind: formatAddress(listener.address), backends }, "listening")
      }
    } catch (error) {
      await this.#stop(0)
      throw error
    }
  }

  async #bind(): Promise<void> {
    const outcomes = await Promise.allSettled(this.#listeners.map(({ listener }) => listener.listen()))
    const failures = outcomes.flatMap((outcome) =>
      outcome.status === "rejected" ? [outcome.reason as Error] : [],
    )
    if (failures.length > 0) {
      throw new BindError(failures.map(({ message }) => message).join("\n"), { cause: failures[0] })
    }
  }

  /** Where the first listener listens, as `host:port`, `[v6]:port` or `unix:/path`, with the port really bound. */
  address(): string {
    const [address = ""] = this.addresses()
    return address
  }

  /** Where each listener listens, in the order of the configuration. */
  addresses(): string[] {
    return this.#listeners.map(({ listener }) => formatAddress(listener.address))
  }

  /**
   * Drains: accepts no more, lets tunnels end by themselves and closes those that are left at the deadline. Resolves when
   * the last one is gone. Called again, it shortens the wait.
   * @param timeoutMs the deadline. Default: each listener's `drain_timeout_ms`. 0 = close all now, Infinity = never
   * @throws {RangeError} when it is negative or NaN; then nothing is closed
   */
  async close(timeoutMs?: number): Promise<void> {
    if (timeoutMs !== undefined) toTimerMs(timeoutMs)
    const stopped = this.#stop(timeoutMs)
    this.#reported ??= stopped.then(() => {
      for (const { name } of this.#listeners) this.#log.info({ listener: name }, "stopped")
    })
    await stopped
    await this.#reported
    // Events have a tick of their own, and the last one is to come before this resolves.
    await new Promise<void>((resolve) => process.nextTick(resolve))
  }

  async #stop(timeoutMs?: number): Promise<void> {
    const stopped = this.#listeners.map(async ({ config, listener, sweep }) => {
      await listener.drain(timeoutMs ?? config.drain_timeout_ms)
      sweep.stop()
    })
    await Promise.all(stopped)
    this.#pools.stop()
  }

  /** In a tick of its own, so that an error in a user's handler is that handler's and not the session's. */
  #defer(event: keyof ProxyEvents, emit: () => void): void {
    if (this.listenerCount(event) > 0) process.nextTick(emit)
  }
}

function portOf(address: Address): number {
  return address.kind === "tcp" ? address.port : 0
}
