/** Where a registry finds its endpoints. */
import type { Endpoint } from "./endpoint-schema.js"

export interface EndpointSource {
  /**
   * The endpoint of this key; undefined if there is none. Returns a promise only if it has to wait, or one
   * that rejects with what is wrong. It has a deadline of its own.
   */
  get(key: string): Endpoint | undefined | Promise<Endpoint | undefined>
  /** Reads files. Throws `SettingError`. */
  prepare(): Promise<void>
  /** Ends timers, watchers and connections; what is in flight may finish. */
  stop(): void
}

/** A store that has to be asked for each entry. */
export interface RemoteStore {
  /**
   * The entry of this key, unchecked; undefined if there is none. Rejects if the store does not say.
   * @param key as `isEndpointKey` accepts it, from a client that nobody has to trust
   * @param signal aborted when nobody waits any more
   */
  fetch(key: string, signal: AbortSignal): Promise<unknown>
  prepare(): Promise<void>
  stop(): void
}
