/**
 * A configuration put together: its pools and listeners. What the previous plan had as well is taken over, so
 * that sockets, counts, health and sessions survive a reload.
 *
 * `prepare` does all that can fail, and `start` swaps everything at once.
 */
import { formatAddress } from "../address/address.js"
import { listenerIdentities, routeIdentities } from "../config/identities.js"
import { toSettings } from "../config/load.js"
import { ConfigError } from "../config/problem.js"
import { routeTitles } from "../config/route-title.js"
import type { Config, LogLevel, Settings } from "../config/schema.js"
import { snapshot } from "../config/snapshot.js"
import { createDelayRow } from "../metrics/loop-delay.js"
import { assignSockets, type InheritedSocket } from "../net/inherited-sockets.js"
import { BindError } from "../net/listener.js"
import type { Observer } from "../ops/observer.js"
import type { Backend } from "../pool/backend.js"
import type { ListenerSettings } from "../session/listener-state.js"
import { type Clock, systemClock } from "../shared/clock.js"
import { Rows } from "../shared/rows.js"
import { composeListener } from "./compose-listener.js"
import type { DataPlane, ServedListener } from "./data-plane.js"
import { Guards } from "./guards.js"
import { type Hooks, PlannedHooks } from "./hooks.js"
import { type ListenerRows, listenerRows } from "./listener-rows.js"
import { Pools } from "./pools.js"
import { planRegistries } from "./registries.js"
import { Services } from "./services.js"
import { threadRows } from "./thread-rows.js"
import { dataPlane, workerCount } from "./workers.js"

export interface PlannedListener {
  /** What it keeps over a reload. */
  readonly identity: string
  readonly running: ServedListener
  readonly isNew: boolean
  /** By this configuration. */
  readonly settings: ListenerSettings
  readonly rows: ListenerRows
}

/** What is to serve a plan, with this number of workers, and with metrics or without. */
export type CreatePlane = (workers: number, isMetered: boolean) => DataPlane

/** What the first plan of a proxy gets, and later ones take over from it. */
export interface FirstParts {
  /** Default: this thread or worker threads. */
  readonly createPlane?: CreatePlane | undefined
  /** Functions of the program that decide about requests. Default: none. */
  readonly hooks?: Hooks | undefined
}

export interface PlanParts extends FirstParts {
  /** Default: the system's. */
  readonly clock?: Clock
  /** Shared memory. Default: that of the previous plan, or new. */
  readonly rows?: Rows
}

/** How long sessions of the previous plan may still ask its services once their head is complete. */
const LINGER_MS = 60_000

export class Plan {
  readonly pools: Pools
  /** In the order of the configuration. */
  readonly listeners: readonly PlannedListener[]
  /** As it was written, with texts for `URL`s. */
  readonly config: Config
  readonly logLevel: LogLevel
  readonly admin: Settings["admin"]
  readonly log: Settings["log"]
  readonly plane: DataPlane
  readonly loopDelays: readonly Float64Array[]
  readonly services: Services
  readonly rows: Rows
  readonly hooks: Hooks
  /** Those of the previous plan that this one does not have. */
  #removed: readonly PlannedListener[]
  /** How long sessions of the previous plan may still ask its services: until their head is complete. */
  readonly #lingerMs: number

  /**
   * Binds nothing, starts nothing, and changes nothing of the previous plan.
   * @throws {ConfigError}
   */
  constructor(
    written: Config,
    private readonly observer: Observer,
    previous?: Plan,
    { clock = systemClock, rows = previous?.rows.next() ?? new Rows(), createPlane, hooks }: PlanParts = {},
  ) {
    this.rows = rows
    this.hooks = hooks ?? previous?.hooks ?? {}
    const config = snapshot(written)
    const { pool, registry, ws_proxy, log, workers, admin } = toSettings(config)
    this.config = config
    this.logLevel = log.level
    this.log = log
    this.admin = admin
    if ((this.hooks.authorize ?? this.hooks.locate) !== undefined && workers !== 1) {
      const message = "hooks can't be shared with worker threads: set workers = 1"
      throw new ConfigError("configuration", [{ path: ["workers"], message }])
    }
    const how = [workerCount(workers), admin.bind !== undefined] as const
    this.plane = previous?.plane ?? createPlane?.(...how) ?? dataPlane(...how, observer)
    const { plane } = this
    this.loopDelays = threadRows(rows, "event loop", plane, createDelayRow)
    const closeTunnels = (backend: Backend) => plane.closeTunnels(backend)
    this.pools = new Pools(pool, observer, rows, closeTunnels, previous?.pools, plane.runsChecks)
    this.services = new Services(clock, previous?.services)
    const readTimeouts = previous?.listeners.map(({ settings }) => settings.read_timeout_ms) ?? []
    this.#lingerMs = Math.max(0, ...readTimeouts) + LINGER_MS
    const { services } = this
    const registries = planRegistries(registry, config.registry, rows, services, observer, clock)
    const plannedHooks = new PlannedHooks(this.hooks, this.pools, clock)
    const guards = new Guards(registries, plannedHooks, services, observer, clock)
    const identities = listenerIdentities(config.ws_proxy)
    const routes = config.ws_proxy.map(routeIdentities)
    const titles = config.ws_proxy.map(routeTitles)
    const before = new Map(previous?.listeners.map(({ identity, running }) => [identity, running]))
    this.listeners = ws_proxy.map((listener, index) => {
      const identity = identities[index] ?? ""
      const settings = composeListener(
        listener,
        config.ws_proxy[index],
        titles[index] ?? [],
        (place, title, route) => {
          const part = route === undefined ? "own" : (routes[index]?.[route] ?? "")
          return this.pools.poolOf(place, title, `${identity} ${part} pool`)
        },
        guards,
      )
      const own = listenerRows(rows, identity, settings, plane)
      const known = before.get(identity)
      const running = known ?? this.plane.newListener({ identity, settings, rows: own }, observer, clock)
      return { identity, running, isNew: known === undefined, settings, rows: own }
    })
    // The closures of this constructor live as long as the pools, and must not keep removed listeners.
    before.clear()
    this.#removed = previous?.listeners.filter(({ identity }) => !identities.includes(identity)) ?? []
  }

  /**
   * Reads the files that the pools need, and binds the new listeners. If it rejects, none of them is bound.
   * @param inherited listening sockets from the service manager, which their listeners take over
   * @throws {SettingError}
   * @throws {BindError}
   */
  async prepare(inherited: readonly InheritedSocket[] = []): Promise<void> {
    try {
      this.pools.readFiles()
      await this.services.prepare()
      await this.#bind(inherited)
      await this.plane.prepare(this)
    } catch (error) {
      await this.abandon()
      throw error
    }
  }

  /** Closes the new listeners. The plan can't be used any more. */
  async abandon(): Promise<void> {
    this.services.abandon()
    await Promise.all(this.#added().map(({ running }) => running.drain(0)))
  }

  /**
   * Puts this plan in place of the previous one: new sessions go by it from now on. Call `prepare` before.
   * @returns the listeners that this plan no longer has. They are as they were: still accepting
   */
  start(): readonly PlannedListener[] {
    this.pools.start()
    this.services.start(this.#lingerMs)
    // They have been prepared to report what is wrong with them; the threads that serve have their own.
    if (!this.plane.servesHere) this.services.stop()
    this.plane.start()
    for (const { running, isNew, settings, rows } of this.listeners) {
      if (isNew) this.observer.listening(settings.name, running.address, settings.ownPool?.backends)
      else running.apply(settings, rows)
    }
    this.rows.dropOthers()
    const removed = this.#removed
    this.#removed = []
    return removed
  }

  #added(): PlannedListener[] {
    return this.listeners.filter(({ isNew }) => isNew)
  }

  async #bind(inherited: readonly InheritedSocket[]): Promise<void> {
    const added = this.#added()
    const servers = assignSockets(
      inherited,
      added.map(({ settings }) => settings),
    )
    const outcomes = await Promise.allSettled(
      added.map(({ running }, index) => running.listen(servers[index])),
    )
    const failures = outcomes.flatMap((outcome, index) =>
      outcome.status === "rejected" ? [this.#explain(outcome.reason as Error, added[index])] : [],
    )
    if (failures.length > 0) {
      throw new BindError(failures.map(({ message }) => message).join("\n"), { cause: failures[0] })
    }
  }

  /** New listeners bind before removed ones go, so a removed one may be in the way. */
  #explain(error: Error, { settings }: Partial<PlannedListener> = {}): Error {
    const { code } = (error.cause ?? {}) as NodeJS.ErrnoException
    const bind = settings?.bind
    const inTheWay = this.#removed
      .map(({ running }) => running)
      .find(({ address }) => address.kind === "tcp" && bind?.kind === "tcp" && address.port === bind.port)
    if (code !== "EADDRINUSE" || inTheWay === undefined) return error
    const advice =
      `${formatAddress(inTheWay.address)}, which the new configuration removes, still listens: ` +
      "restart rws, or remove that listener by one reload and add this one by the next"
    return new BindError(`${error.message}; ${advice}`, { cause: error.cause })
  }
}
