/** The pools of one proxy: those with a name, and those that belong to one listener or route. */
import type { PoolPlace, Settings } from "../config/schema.js"
import type { Observer } from "../ops/observer.js"
import { Pool } from "../pool/pool.js"
import type { PoolObserver } from "../pool/pool-observer.js"
import { PoolRuntime } from "../pool/pool-runtime.js"
import { poolSettingsOf } from "../pool/pool-schema.js"
import type { PoolOptions } from "../pool/pool-settings.js"

export class Pools {
  readonly #named: ReadonlyMap<string, PoolRuntime>
  /** One runtime for each pool: a program may give the same pool to several places. */
  readonly #runtimes = new Map<Pool, PoolRuntime>()

  constructor(
    pools: Settings["pool"],
    private readonly observer: Observer,
  ) {
    const entries = Object.entries(pools)
    this.#named = new Map(
      entries.map(([name, { backends, ...settings }]) => [
        name,
        this.#runtimeOf(name, toPool(backends, settings)),
      ]),
    )
  }

  /**
   * The pool that a listener or route names or has of its own; undefined if it has none.
   * @param title what errors and logs call a pool of its own
   */
  poolOf(place: PoolPlace, title: string): PoolRuntime | undefined {
    if (place.pool !== undefined) return this.#named.get(place.pool)
    if (place.backends === undefined) return undefined
    return this.#runtimeOf(title, toPool(place.backends, poolSettingsOf(place)))
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

  #runtimeOf(name: string, pool: Pool): PoolRuntime {
    const runtime =
      this.#runtimes.get(pool) ?? new PoolRuntime(name, pool, toPoolObserver(this.observer, name))
    this.#runtimes.set(pool, runtime)
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

function toPool(backends: NonNullable<PoolPlace["backends"]>, settings: PoolOptions): Pool {
  return backends instanceof Pool ? backends : new Pool(backends, settings)
}
