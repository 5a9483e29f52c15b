/** The pools of one proxy: those that are shared by name, and those that stand with a listener or a route. */
import type { Config, PlaceConfig } from "../config/schema.js"
import type { Log } from "../ops/log.js"
import { Pool } from "../pool/pool.js"
import { poolSettingsOf } from "../pool/pool-schema.js"
import type { PoolOptions } from "../pool/pool-settings.js"
import { RunningPool } from "../session/pool-runtime.js"

export class PoolBook {
  readonly #named: ReadonlyMap<string, RunningPool>
  /** A program may give the same pool to several places. */
  readonly #running = new Map<Pool, RunningPool>()

  constructor(
    pools: Config["pool"],
    private readonly log: Log,
  ) {
    const entries = Object.entries(pools)
    this.#named = new Map(
      entries.map(([name, { backends, ...settings }]) => [name, this.#run(name, toPool(backends, settings))]),
    )
  }

  /** The pool that a place names or has of its own; undefined if it has none. `title` is what the log calls its own. */
  poolOf(place: PlaceConfig, title: string): RunningPool | undefined {
    if (place.pool !== undefined) return this.#named.get(place.pool)
    if (place.backends === undefined) return undefined
    return this.#run(title, toPool(place.backends, poolSettingsOf(place)))
  }

  /**
   * Reads the files that the pools need. Comes before `start`.
   * @throws {SettingError}
   */
  readFiles(): void {
    for (const running of this.#running.values()) running.readFiles()
  }

  start(): void {
    for (const running of this.#running.values()) running.start()
  }

  stop(): void {
    for (const running of this.#running.values()) running.stop()
  }

  #run(name: string, pool: Pool): RunningPool {
    const running = this.#running.get(pool) ?? new RunningPool(name, pool, this.log)
    this.#running.set(pool, running)
    return running
  }
}

function toPool(backends: NonNullable<PlaceConfig["backends"]>, settings: PoolOptions): Pool {
  return backends instanceof Pool ? backends : new Pool(backends, settings)
}
