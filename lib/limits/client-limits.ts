/** How many connections one client may have at a time, and how many new ones in a time. */
import type { CloseReason } from "../close-reason.js"
import { clientKey } from "./client-key.js"
import type { Rate } from "./rate.js"

export interface ClientLimitSettings {
  /** 0 = no limit. */
  readonly max_connections_per_ip: number
  /** undefined = no limit. */
  readonly rate_per_ip: Rate | undefined
  /** How many connections may come at once before the rate holds; 0 = the rate's count. */
  readonly rate_burst: number
}

interface Entry {
  connections: number
  /**
   * The bucket, as the time at which it will be full again: each connection moves it on by one interval (the Generic
   * Cell Rate Algorithm, ITU-T I.371 annex A). It is full if that time has come.
   */
  fullAtMs: number
}

/**
 * Clients that are remembered beyond those that are connected. Beyond it, clients without a connection are forgotten though
 * their bucket is not full: a flood of addresses gets them less limited, and never fills memory.
 */
const MAX_ENTRIES = 65_536
/** Entries that are looked at for each new one. More than one, so that they go faster than they come. */
const PURGED_PER_ENTRY = 4

export class ClientLimits {
  readonly #maxConnections: number
  readonly #isRated: boolean
  readonly #intervalMs: number
  readonly #burstMs: number
  readonly #entries = new Map<string, Entry>()
  #round = this.#entries.entries()

  /** @param nowMs a monotonic clock */
  constructor(
    settings: ClientLimitSettings,
    private readonly nowMs: () => number,
  ) {
    const { rate_per_ip: rate, rate_burst: burst } = settings
    this.#maxConnections = settings.max_connections_per_ip
    this.#isRated = rate !== undefined
    this.#intervalMs = rate === undefined ? 0 : rate.perMs / rate.count
    // What rounding may add up to must not count as a connection.
    this.#burstMs = ((burst || (rate?.count ?? 1)) - 1 + 0.001) * this.#intervalMs
  }

  /** How many clients are remembered. */
  get size(): number {
    return this.#entries.size
  }

  /**
   * Counts a new connection of the client with this canonical address, or returns why it must be refused: then nothing
   * is counted. A client without an address ("") is never limited.
   */
  admit(ip: string): CloseReason | undefined {
    if (ip === "" || (this.#maxConnections === 0 && !this.#isRated)) return undefined
    const nowMs = this.#isRated ? this.nowMs() : 0
    const entry = this.#entryOf(clientKey(ip), nowMs)
    if (this.#maxConnections !== 0 && entry.connections >= this.#maxConnections) return "too_many_from_client"
    const fullAtMs = Math.max(entry.fullAtMs, nowMs)
    if (this.#isRated && fullAtMs - nowMs > this.#burstMs) return "rate_limited"
    entry.fullAtMs = fullAtMs + this.#intervalMs
    entry.connections++
    return undefined
  }

  /** A connection of this client that was admitted has gone. */
  leave(ip: string): void {
    if (ip === "" || (this.#maxConnections === 0 && !this.#isRated)) return
    const key = clientKey(ip)
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    entry.connections--
    if (entry.connections === 0 && !this.#isRated) this.#entries.delete(key)
  }

  #entryOf(key: string, nowMs: number): Entry {
    let entry = this.#entries.get(key)
    if (entry === undefined) {
      this.#purge(nowMs)
      entry = { connections: 0, fullAtMs: nowMs }
      this.#entries.set(key, entry)
    }
    return entry
  }

  /** Goes on with a round through all entries and takes off those that tell nothing. No timer is needed for it. */
  #purge(nowMs: number): void {
    for (let looked = 0; looked < PURGED_PER_ENTRY; looked++) {
      const { value, done } = this.#round.next()
      if (done) {
        this.#round = this.#entries.entries()
        return
      }
      const [key, { connections, fullAtMs }] = value
      if (connections === 0 && (fullAtMs <= nowMs || this.#entries.size >= MAX_ENTRIES)) {
        this.#entries.delete(key)
      }
    }
  }
}
