/** What the admin API shows and changes, from the current plan and over all threads. */
import { formatAddress } from "../address/address.js"
import type {
  BackendState,
  BackendStatus,
  ClosedTunnels,
  ListenerStatus,
  PoolStatus,
  ProxyStatus,
  RouteStatus,
  SessionPage,
} from "../admin/api-types.js"
import type { History } from "../admin/history.js"
import { AdminError } from "../admin/route.js"
import type { AdminSource, BackendChange, SessionQuery } from "../admin/source.js"
import { Turns } from "../admin/turns.js"
import type { ListenerConfig } from "../config/listener-schema.js"
import type { Config, LogLevel } from "../config/schema.js"
import type { Backend } from "../pool/backend.js"
import { isOnlyEjected, isUp } from "../pool/health.js"
import type { PoolRuntime } from "../pool/pool-runtime.js"
import { isSet, type Table, toTable, toTables } from "../settings/table.js"
import { changeBackend } from "./change-backend.js"
import { type LiveSessions, NoThread, type ServedListener } from "./data-plane.js"
import type { CurrentPlan } from "./reload.js"
import { takenOf, totalsOf } from "./totals.js"
import { VERSION } from "./version.js"
import { workerCount } from "./workers.js"

export class ProxyAdmin implements AdminSource {
  readonly #startedMs = Date.now()
  readonly #workers: number
  #live: Promise<LiveSessions> | undefined
  readonly #turns = new Turns()

  /** @param readAgain reads the configuration file and applies it; undefined if there is none */
  constructor(
    private readonly plan: CurrentPlan,
    private readonly history: History,
    private readonly readAgain?: () => Promise<string[]>,
  ) {
    this.#workers = workerCount(plan.current.config.workers ?? 1)
  }

  status(): ProxyStatus {
    const { current, removed, isClosing } = this.plan
    const listeners = [...current.listeners, ...removed]
    return {
      version: VERSION,
      nodeVersion: process.versions.node,
      startedAt: new Date(this.#startedMs).toISOString(),
      uptimeS: Math.round((Date.now() - this.#startedMs) / 1000),
      workers: this.#workers,
      draining: isClosing,
      reloads: this.history.reloads,
      logLevel: current.logLevel,
      totals: totalsOf(
        this.plan.counted(),
        listeners.map(({ rows }) => rows),
      ),
    }
  }

  listeners(): ListenerStatus[] {
    const { current, removed, isClosing } = this.plan
    const names = new Map([...current.pools.runtimes.values()].map(({ pool, name }) => [pool, name]))
    const served = current.listeners.map(({ running, rows, settings }, index): ListenerStatus => {
      const own = settings.ownPool && names.get(settings.ownPool)
      const pool = own ?? poolNameOf(toTable(current.config.ws_proxy[index]))
      return {
        ...describe(running),
        sessions: takenOf(rows),
        pending: Atomics.load(rows.pending, 0),
        draining: isClosing,
        pool,
        routes: routesOf(settings.name, pool, current.config.ws_proxy[index]),
      }
    })
    const draining = removed.map(
      ({ running }): ListenerStatus => ({ ...describe(running), pending: 0, draining: true, routes: [] }),
    )
    return [...served, ...draining]
  }

  pools(): PoolStatus[] {
    return [...this.plan.current.pools.runtimes.values()].map((runtime) => {
      const { members, settings } = runtime.pool
      const active = members.reduce((sum, backend) => sum + backend.active, 0)
      return {
        name: runtime.name,
        balance: settings.balance,
        backends: members.map((backend) => this.#statusOf(runtime, backend, active)),
      }
    })
  }

  async sessions(query: SessionQuery): Promise<SessionPage> {
    const page = await this.#turns.run(async () => (await this.#sessions()).list(query))
    return { ...page, sessions: page.sessions.slice(query.offset) }
  }

  async closeSession(id: string): Promise<boolean> {
    const isClosed = await (await this.#sessions()).close(id)
    if (isClosed === undefined) {
      throw new AdminError(503, "its worker thread does not respond: it closes the session once it can")
    }
    return isClosed
  }

  async closeTunnels(pool: string, backend: string): Promise<ClosedTunnels> {
    const known = this.pools().find(({ name }) => name === pool)
    if (known === undefined) throw new AdminError(404, `no pool ${JSON.stringify(pool)}`)
    if (!known.backends.some(({ name }) => name === backend)) {
      throw new AdminError(404, `no backend ${JSON.stringify(backend)} in this pool`)
    }
    return (await this.#sessions()).closeTunnels(pool, backend)
  }

  changeBackend(pool: string, change: BackendChange): Promise<string[]> {
    return this.#change((config) => changeBackend(config, pool, change))
  }

  async reload(): Promise<string[]> {
    if (this.readAgain === undefined)
      throw new AdminError(409, "there is no configuration file to read again")
    return this.#unlessClosing(this.readAgain)
  }

  async setLogLevel(level: LogLevel): Promise<void> {
    await this.#change((config) => ({ ...config, log: { ...config.log, level } }))
  }

  #change(change: (config: Config) => Config | undefined): Promise<string[]> {
    return this.#unlessClosing(() => this.plan.change(change))
  }

  async #unlessClosing<Outcome>(change: () => Promise<Outcome>): Promise<Outcome> {
    if (!this.plan.isStarted) throw new AdminError(409, "rws is starting: try again")
    this.#refuseIfClosing()
    try {
      return await change()
    } catch (error) {
      // It may have begun to drain meanwhile.
      this.#refuseIfClosing()
      if (error instanceof NoThread) throw new AdminError(503, error.message)
      throw error
    }
  }

  #refuseIfClosing(): void {
    if (this.plan.isClosing) throw new AdminError(409, "rws is draining: nothing can be changed any more")
  }

  #sessions(): Promise<LiveSessions> {
    const { plan } = this
    this.#live ??= plan.current.plane.liveSessions(() => plan.current.pools)
    return this.#live
  }

  #statusOf({ name: pool }: PoolRuntime, backend: Backend, active: number): BackendStatus {
    const state = stateOf(backend)
    const news = this.history.newsOf(pool, backend.name)
    const drained = backend.drain ? "drain is set" : "its weight is 0"
    return {
      name: backend.name,
      state,
      reason: state === "draining" ? drained : news?.reason,
      since: news?.since,
      weight: backend.weight,
      backup: backend.isBackup,
      active: backend.active,
      maxConnections: backend.maxConnections,
      dials: backend.dials,
      failures: backend.failures,
      share: active === 0 ? 0 : backend.active / active,
    }
  }
}

/** @param own the name of the listener's own pool, if it has one */
function routesOf(
  listener: string,
  own: string | undefined,
  config: ListenerConfig | undefined,
): RouteStatus[] {
  return toTables(config?.route).map(([index, route]) => {
    const { host, path, header, query } = route
    return {
      route: index + 1,
      host: [host ?? []].flat().map(String),
      path: path === undefined ? undefined : String(path),
      header: Object.keys(toTable(header)),
      query: Object.keys(toTable(query)),
      pool: poolNameOf(route) ?? (isSet(route, "backends") ? `${listener} route ${index + 1}` : own) ?? "",
    }
  })
}

/** What the log calls the pool that a listener or route names, or that of its registry's endpoints. */
function poolNameOf({ pool, registry }: Table): string | undefined {
  if (registry !== undefined) return `registry ${registry}`
  return pool === undefined ? undefined : String(pool)
}

function describe({ settings, address, sessions }: ServedListener) {
  return {
    name: settings.name,
    address: formatAddress(address),
    sessions: sessions.size,
    maxConnections: settings.max_connections,
    maxPending: settings.max_pending,
  }
}

function stateOf({ isDraining, cells }: Backend): BackendState {
  if (isDraining) return "draining"
  if (isUp(cells)) return "up"
  return isOnlyEjected(cells) ? "ejected" : "down"
}
