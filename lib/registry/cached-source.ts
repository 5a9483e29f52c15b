/** Asks a store for each endpoint once in a while, and remembers what it says. */

import { BoundedCache } from "../shared/bounded-cache.js"
import type { Clock } from "../shared/clock.js"
import { type Endpoint, parseEndpoint } from "./endpoint-schema.js"
import type { EndpointSource, RemoteStore } from "./endpoint-source.js"

export interface CacheSettings {
  /** For how long an endpoint is used before the store is asked again. */
  readonly ttl_ms: number
  /** The same for a key without an endpoint, and the pause after a failure. */
  readonly negative_ttl_ms: number
  /** How old an endpoint may be that is used while the store fails; 0 = it is not. */
  readonly stale_ms: number
  readonly timeout_ms: number
  readonly max_entries: number
}

interface Known {
  readonly endpoint: Endpoint
  readonly foundMs: number
  readonly freshUntilMs: number
}

/** Why a key leads nowhere: there is no endpoint, or an error says what is wrong. */
interface Missing {
  readonly error: Error | undefined
}

export class CachedSource implements EndpointSource {
  readonly #known: BoundedCache<Known>
  /** By itself, so that no flood of keys evicts endpoints. */
  readonly #missing: BoundedCache<Missing>
  readonly #asked = new Map<string, Promise<Endpoint | undefined>>()
  #isFailing = false

  /** @param onFault told of the first failure of a row, and of each entry that is invalid */
  constructor(
    private readonly store: RemoteStore,
    private readonly settings: CacheSettings,
    private readonly onFault: (error: Error) => void,
    private readonly clock: Clock,
  ) {
    this.#known = new BoundedCache(settings.max_entries)
    this.#missing = new BoundedCache(settings.max_entries)
  }

  /** All who want a key share one request in flight, which goes on when one of them leaves. */
  get(key: string): Endpoint | undefined | Promise<Endpoint | undefined> {
    const nowMs = this.clock.nowMs()
    const known = this.#known.get(key)
    if (known !== undefined && nowMs < known.freshUntilMs) return known.endpoint
    const missing = known === undefined ? this.#missing.get(key, nowMs) : undefined
    if (missing === undefined) return this.#asked.get(key) ?? this.#ask(key, known)
    return missing.error === undefined ? undefined : Promise.reject(missing.error)
  }

  prepare(): Promise<void> {
    return this.store.prepare()
  }

  stop(): void {
    this.store.stop()
  }

  #ask(wanted: string, known: Known | undefined): Promise<Endpoint | undefined> {
    // A copy, since the key may be a part of the request's head, which the cache would keep in memory.
    const key = Buffer.from(wanted).toString()
    const asked = this.#fetch(key)
      .then(
        (entry) => this.#learn(key, entry),
        (error: Error) => this.#bridge(key, known, error),
      )
      .finally(() => this.#asked.delete(key))
    this.#asked.set(key, asked)
    return asked
  }

  #fetch(key: string): Promise<unknown> {
    const { timeout_ms } = this.settings
    const controller = new AbortController()
    return new Promise<unknown>((resolve, reject) => {
      const timer = this.clock
        .after(timeout_ms, () => {
          const error = new Error(`no response within ${timeout_ms} ms`)
          reject(error)
          controller.abort(error)
        })
        .unref()
      this.store
        .fetch(key, controller.signal)
        .then(resolve, reject)
        .finally(() => timer.cancel())
    })
  }

  #learn(key: string, entry: unknown): Endpoint | undefined {
    this.#isFailing = false
    // An invalid entry takes the place of a valid one too: whoever wrote it did not want the old one.
    if (entry === undefined) return this.#miss(key)
    let endpoint: Endpoint
    try {
      endpoint = parseEndpoint(key, entry)
    } catch (error) {
      this.#miss(key, error as Error)
      this.onFault(error as Error)
      throw error
    }
    const nowMs = this.clock.nowMs()
    this.#missing.delete(key)
    this.#known.set(key, { endpoint, foundMs: nowMs, freshUntilMs: nowMs + this.settings.ttl_ms })
    return endpoint
  }

  /** Uses the endpoint as it was, if that is not too old, and leaves the store alone for a while. */
  #bridge(key: string, known: Known | undefined, error: Error): Endpoint {
    if (!this.#isFailing) this.onFault(error)
    this.#isFailing = true
    const { stale_ms, negative_ttl_ms } = this.settings
    const nowMs = this.clock.nowMs()
    if (known === undefined || nowMs - known.foundMs > stale_ms) {
      this.#miss(key, error)
      throw error
    }
    const freshUntilMs = Math.min(nowMs + negative_ttl_ms, known.foundMs + stale_ms)
    this.#known.set(key, { ...known, freshUntilMs })
    return known.endpoint
  }

  #miss(key: string, error?: Error): undefined {
    this.#known.delete(key)
    this.#missing.set(key, { error }, this.clock.nowMs() + this.settings.negative_ttl_ms)
  }
}
