/**
 * The key set of an issuer (JWKS). It is fetched when it is needed, never by a timer: a set that has become
 * old is used while a newer one is fetched, and one that can't be fetched for some time longer.
 */
import { SessionEnd } from "../close-reason.js"
import type { HttpClient } from "../net/http-client.js"
import type { Clock } from "../shared/clock.js"
import type { KeySource } from "./key-source.js"
import type { KeySet, Verifier } from "./verify-token.js"

const MAX_BYTES = 256 * 1024
/** Between two fetches that clients can cause, by tokens with made-up key IDs, or while a set is stale. */
const COOLDOWN_MS = 30_000
/** Between two fetches while there is no set to use. */
const RETRY_MS = 1000

export interface RemoteKeysSettings {
  readonly jwks_url: string
  readonly jwks_ttl_ms: number
  readonly jwks_stale_ms: number
  readonly jwks_timeout_ms: number
}

export class RemoteKeys implements KeySource {
  readonly #url: URL
  #keys: KeySet | undefined
  /** What they were parsed from. */
  #text: string | undefined
  #fetchedMs = Number.NEGATIVE_INFINITY
  /** When the last fetch ended. */
  #endedMs = Number.NEGATIVE_INFINITY
  /** What it failed with. */
  #error: unknown
  #fetching: Promise<void> | undefined

  /** @param onFailure told of each fetch that fails, at most once a second */
  constructor(
    private readonly settings: RemoteKeysSettings,
    private readonly http: HttpClient,
    private readonly verifier: Verifier,
    private readonly clock: Clock,
    private readonly onFailure: (error: unknown) => void,
  ) {
    this.#url = new URL(settings.jwks_url)
  }

  peek(): KeySet | undefined {
    const { jwks_ttl_ms: ttlMs, jwks_stale_ms: staleMs } = this.settings
    const ageMs = this.clock.nowMs() - this.#fetchedMs
    if (ageMs < ttlMs) return this.#keys
    if (ageMs >= ttlMs + staleMs) return undefined
    if (this.#hasRested(COOLDOWN_MS)) void this.fetch()
    return this.#keys
  }

  async get(): Promise<KeySet> {
    const known = this.peek()
    if (known !== undefined) return known
    if (this.#hasRested(RETRY_MS)) await this.fetch()
    const keys = this.peek()
    if (keys === undefined) throw new SessionEnd("keys_unavailable", "", this.#error)
    return keys
  }

  async getNewer(): Promise<KeySet | undefined> {
    const before = this.#keys
    const isAllowed = this.#fetching !== undefined || this.clock.nowMs() - this.#endedMs >= COOLDOWN_MS
    if (isAllowed) await this.fetch()
    return this.#keys === before ? undefined : this.#keys
  }

  /** Fetches the set, or waits for the fetch in flight. Never rejects: a failure is kept for `get`. */
  fetch(): Promise<void> {
    this.#fetching ??= this.#fetch().finally(() => {
      this.#fetching = undefined
      this.#endedMs = this.clock.nowMs()
    })
    return this.#fetching
  }

  stop(): void {
    this.http.stop()
  }

  /** Whether the last fetch did not fail, or has ended so long ago. */
  #hasRested(ms: number): boolean {
    return (
      this.#error === undefined || this.clock.nowMs() - this.#endedMs >= ms || this.#fetching !== undefined
    )
  }

  async #fetch(): Promise<void> {
    const { jwks_timeout_ms: timeoutMs } = this.settings
    try {
      const fields = ["Accept", "application/json"]
      const { status, body } = await this.http.get(this.#url, { fields, maxBytes: MAX_BYTES, timeoutMs })
      if (status !== 200) throw new Error(`its status is ${status}`)
      const text = body.toString("utf8")
      if (text !== this.#text) {
        this.#keys = this.verifier.parseKeySet(text)
        this.#text = text
      }
      this.#fetchedMs = this.clock.nowMs()
      this.#error = undefined
    } catch (error) {
      this.#error = error
      this.onFailure(error)
    }
  }
}
