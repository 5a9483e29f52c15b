/**
 * The pools of one configuration: those with a name, and those that belong to one listener or route. Those
 * that the previous configuration had as well are the same ones.
 */
import { poolIdentity } from "../config/identities.js"
import type { PoolPlace } from "../config/listener-schema.js"
import type { Settings } from "../config/schema.js"
import type { Observer } from "../ops/observer.js"
import type { Backend } from "../pool/backend.js"
import { Pool } from "../pool/pool.js"
import { UNOBSERVED } from "../pool/pool-observer.js"
import { poolRows } from "../pool/pool-rows.js"
import { PoolRuntime } from "../pool/pool-runtime.js"
import { poolSettingsOf } from "../pool/pool-schema.js"
import type { PoolOptions } from "../pool/pool-settings.js"
import type { Rows } from "../shared/rows.js"

/** A pool's identity; one that a program has made is its own. It may be in several places. */
type Key = string | Pool

type Runtimes = ReadonlyMap<Key, PoolRuntime>

/** One pool of this configuration. */
interface PlannedPool {
  readonly runtime: PoolRuntime
  readonly name: string
  /** The pool by this configuration. A runtime from the previous one has not taken it over yet. */
  readonly pool: Pool
}

export class Pools {
  /** Those of the tables `[pool.NAME]`. */
  readonly named: ReadonlyMap<string, PoolRuntime>
  readonly #planned = new Map<Key, PlannedPool>()
  /** Pools of the program that only a hook has named. */
  readonly #unplanned = new WeakMap<Pool, PoolRuntime>()
  #apply: readonly (() => void)[] = []
  #previous: Runtimes

  /**
   * @param previous the pools of the configuration that this one replaces
   * @param closeTunnelsOf closes the tunnels of a backend, on all listeners
   * @param runsChecks whether this thread runs the health checks. Default: yes
   */
  constructor(
    pools: Settings["pool"],
    private readonly observer: Observer,
    private readonly rows: Rows,
    private readonly closeTunnelsOf: (backend: Backend) => void,
    previous?: Pools,
    private readonly runsChecks = true,
  ) {
    this.#previous = previous?.runtimes ?? new Map()
    const entries = Object.entries(pools)
    this.named = new Map(
      entries.map(([name, { backends, ...settings }]) => [
        name,
        this.#runtimeOf(name, poolIdentity(name), backends, settings),
      ]),
    )
  }

  /**
   * The pool that a listener or route names or has of its own; undefined if it has none.
   * @param title what errors and logs call a pool of its own
   * @param identity of the place
   */
  poolOf(place: PoolPlace, title: string, identity: string): PoolRuntime | undefined {
    if (place.pool !== undefined) return this.named.get(place.pool)
    if (place.backends === undefined) return undefined
    return this.#runtimeOf(title, identity, place.backends, poolSettingsOf(place))
  }

  /** The runtime of a pool that a hook has named. Health checks run only for pools of the configuration. */
  runtimeFor(pool: Pool): PoolRuntime {
    const known = this.#planned.get(pool)?.runtime ?? this.#unplanned.get(pool)
    if (known !== undefined) return known
    // It may be named once and forgotten.
    const runtime = new PoolRuntime("pool of a hook", pool, UNOBSERVED, false)
    this.#unplanned.set(pool, runtime)
    return runtime
  }

  /**
   * Reads the files that the pools need. Call it before `start`.
   * @throws {SettingError}
   */
  readFiles(): void {
    this.#apply = [...this.#planned.values()].map(({ runtime, name, pool }) => runtime.prepare(name, pool))
  }

  /** Puts these pools in place of the previous ones. */
  start(): void {
    for (const apply of this.#apply) apply()
    const kept = new Set(this.runtimes.values())
    for (const runtime of this.#previous.values()) if (!kept.has(runtime)) runtime.stop()
    this.#apply = []
    this.#previous = new Map()
  }

  stop(): void {
    for (const runtime of this.runtimes.values()) runtime.stop()
  }

  /** Closes the tunnels of all backends that may have none now. */
  closeTunnels(): void {
    for (const { pool } of this.runtimes.values()) {
      for (const backend of pool.members) if (pool.closesTunnelsOf(backend)) this.closeTunnelsOf(backend)
    }
  }

  get runtimes(): Runtimes {
    return new Map([...this.#planned].map(([key, { runtime }]) => [key, runtime]))
  }

  #runtimeOf(
    name: string,
    identity: string,
    backends: NonNullable<PoolPlace["backends"]>,
    settings: PoolOptions,
  ): PoolRuntime {
    const key = backends instanceof Pool ? backends : identity
    const known = this.#planned.get(key)
    if (known !== undefined) return known.runtime
    const pool =
      backends instanceof Pool
        ? backends
        : new Pool(backends, settings, undefined, poolRows(this.rows, identity))
    const runtime = this.#previous.get(key) ?? this.#newRuntime(name, pool)
    this.#planned.set(key, { runtime, name, pool })
    return runtime
  }

  /** It reports to the proxy's observer, under its name at that time. */
  #newRuntime(name: string, pool: Pool): PoolRuntime {
    const { observer } = this
    const runtime: PoolRuntime = new PoolRuntime(
      name,
      pool,
      {
        onHealthChange: (change) => observer.healthChanged(runtime.name, change),
        onCloseTunnels: this.closeTunnelsOf,
        onUncheckable: (backend, fault) => observer.checkImpossible(runtime.name, backend, fault),
        onCheckDefect: (backend, error) => observer.checkThrew(runtime.name, backend, error),
      },
      this.runsChecks,
    )
    return runtime
  }
}
