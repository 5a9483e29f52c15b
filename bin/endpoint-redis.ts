/** Changes the entries of a registry in Redis. */
import type { EndpointEntry } from "../lib/registry/endpoint-schema.js"
import { RedisStore, type RedisStoreSettings } from "../lib/registry/redis-store.js"
import type { Clock } from "../lib/shared/clock.js"
import type { EndpointEditor } from "./endpoint-file.js"
import { RunError } from "./run-error.js"

/** Entries that are asked for at the same time. */
const BATCH = 1000

export class RedisEditor implements EndpointEditor {
  private constructor(
    private readonly store: RedisStore,
    private readonly timeoutMs: number,
  ) {}

  static async open(settings: RedisStoreSettings, clock: Clock): Promise<RedisEditor> {
    const store = new RedisStore(settings, clock)
    await store.prepare()
    return new RedisEditor(store, settings.timeout_ms)
  }

  async list(): Promise<ReadonlyMap<string, unknown>> {
    const keys = await this.#ask((signal) => this.store.list(signal))
    const entries = new Map<string, unknown>()
    for (let from = 0; from < keys.length; from += BATCH) {
      const batch = keys.slice(from, from + BATCH)
      const found = await this.#ask((signal) =>
        Promise.all(batch.map((key) => this.store.fetch(key, signal))),
      )
      for (const [index, key] of batch.entries())
        if (found[index] !== undefined) entries.set(key, found[index])
    }
    return entries
  }

  get(key: string): Promise<unknown> {
    return this.#ask((signal) => this.store.fetch(key, signal))
  }

  set(key: string, entry: EndpointEntry): Promise<void> {
    return this.#ask((signal) => this.store.set(key, entry, signal))
  }

  remove(key: string): Promise<boolean> {
    return this.#ask((signal) => this.store.remove(key, signal))
  }

  stop(): void {
    this.store.stop()
  }

  async #ask<Reply>(ask: (signal: AbortSignal) => Promise<Reply>): Promise<Reply> {
    try {
      return await ask(AbortSignal.timeout(this.timeoutMs))
    } catch (error) {
      throw new RunError(`Redis does not do it: ${textOf(error)}`)
    }
  }
}

function textOf(error: unknown): string {
  const { message, code } = error as NodeJS.ErrnoException
  return message || code || String(error)
}
