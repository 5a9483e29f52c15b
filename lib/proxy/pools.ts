/**
 * The pools of one configuration: those with a name, and those that belong to one listener or route. Those
 * that the previous configuration had as well are the same ones.
 */
import { poolIdentity } from "../config/identities.js"
import type { PoolPlace, Settings } from "../config/schema.js"
import type { Observer } from "../ops/observer.js"
import { Pool } from "../pool/pool.js"
import type { PoolObserver } from "../pool/pool-observer.js"
import { poolRows } from "../pool/pool-rows.js"
import { PoolRuntime } from "../pool/pool-runtime.js"
import { poolSettingsOf } from "../pool/pool-schema.js"
import type { PoolOptions } from "../pool/pool-settings.js"
import type { Rows } from "../shared/rows.js"

export class Pools {
  readonly #named: ReadonlyMap<string, PoolRuntime>
  /** By identity; a pool that a program has made is its own. It may be in several places. */
  readonly #runtimes = new Map<string | Pool, PoolRuntime>()

  constructor(
    pools: Settings["pool"],
    private readonly observer: Observer,
    private readonly rows: Rows,
  ) {
    const entries = Object.entries(pools)
    this.#named = new Map(
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
    if (place.pool !== undefined) return this.#named.get(place.pool)
    if (place.backends === undefined) return undefined
    return this.#runtimeOf(title, identity, place.backends, poolSettingsOf(place))
  }

  /**
   * Reads the files that the pools need. Call it before `start`.
   * @throws {SettingError}
   */
  readFiles(): void {
    for (const runtime of this.#runtimes.values()) runtime.readFiles()
  }

  start(): void {
    for (const runtime of this.#runtimes.values()) runtime.start()
  }

  stop(): void {
    for (const runtime of this.#runtimes.values()) runtime.stop()
  }

  #runtimeOf(
    name: string,
    identity: string,
    backends: NonNullable<PoolPlace["backends"]>,
    settings: PoolOptions,
  ): PoolRuntime {
    const key = backends instanceof Pool ? backends : identity
    const known = this.#runtimes.get(key)
    if (known !== undefined) return known
    const pool =
      backends instanceof Pool
        ? backends
        : new Pool(backends, settings, undefined, poolRows(this.rows, identity))
    const runtime = new PoolRuntime(name, pool, toPoolObserver(this.observer, name))
    this.#runtimes.set(key, runtime)
    return runtime
  }
}

/** Passes what one pool reports on to the proxy's observer, under the pool's name. */
function toPoolObserver(observer: Observer, name: string): PoolObserver {
  return {
    onHealthChange: (change) => observer.healthChanged(name, change),
    onUncheckable: (backend, fault) => observer.checkImpossible(name, backend, fault),
    onCheckDefect: (backend, error) => observer.checkThrew(name, backend, error),
  }
}
