/** Limits the concurrent connections of each client, and the rate of its new ones. */
import { type CloseReason, SessionEnd } from "../close-reason.js"
import type { Clock } from "../shared/clock.js"
import { clientKey } from "./client-key.js"
import { ClientTable } from "./client-table.js"
import type { Place } from "./places.js"
import type { Rate } from "./rate.js"

export interface ClientLimitSettings {
  /** 0 = unlimited. */
  readonly max_connections_per_ip: number
  /** undefined = unlimited. */
  readonly rate_per_ip?: Rate | undefined
  /** Connections that may come at once before the rate applies; 0 = the rate's count. */
  readonly rate_burst: number
}

/** Whether these settings limit anything. */
export function limitsClients({ max_connections_per_ip, rate_per_ip }: ClientLimitSettings): boolean {
  return max_connections_per_ip > 0 || rate_per_ip !== undefined
}

/** Held by connections that are not counted. */
const UNCOUNTED: Place = { release() {} }

class ClientPlace implements Place {
  constructor(
    private readonly table: ClientTable,
    private readonly slot: number,
  ) {}

  release(): void {
    this.table.release(this.slot)
  }
}

/**
 * The rate is a bucket, kept as the time at which it will be full again: each connection moves that time on
 * by one interval (the Generic Cell Rate Algorithm, ITU-T I.371 annex A).
 *
 * The table is fixed in size and fails open. While it has no slot left, clients without connections are
 * forgotten though their bucket is not full: a flood of addresses is limited less, but never fills memory. If
 * all slots that a client could have belong to clients with connections, it is not limited: otherwise a flood
 * would lock everybody else out. `max_connections` bounds them all.
 */
export class ClientLimits {
  readonly #maxConnections: number
  readonly #isRated: boolean
  readonly #intervalMs: number
  readonly #burstMs: number
  readonly #table: ClientTable | undefined

  /**
   * @param table counts that outlive the settings or are shared with other threads. Default: one of its own,
   * and none if there is nothing to limit
   */
  constructor(
    settings: ClientLimitSettings,
    private readonly clock: Pick<Clock, "nowMs">,
    table?: ClientTable,
  ) {
    const { max_connections_per_ip, rate_per_ip: rate, rate_burst: burst } = settings
    this.#maxConnections = max_connections_per_ip
    this.#isRated = rate !== undefined
    this.#intervalMs = rate === undefined ? 0 : rate.perMs / rate.count
    // The tolerance keeps accumulated rounding errors from counting as a connection.
    this.#burstMs = ((burst || (rate?.count ?? 1)) - 1 + 0.001) * this.#intervalMs
    this.#table = table ?? (limitsClients(settings) ? new ClientTable() : undefined)
  }

  /** How many clients are remembered. */
  get size(): number {
    return this.#table?.size(this.#nowMs()) ?? 0
  }

  /**
   * Counts a new connection of the client with this canonical address, for as long as the place is held. A
   * client without an address ("") is never limited.
   * @throws {SessionEnd} if it has too many or comes too often; then nothing is counted
   */
  acquire(ip: string): Place {
    const table = this.#table
    if (ip === "" || table === undefined) return UNCOUNTED
    const nowMs = this.#nowMs()
    const outcome = table.withSlot(clientKey(ip), nowMs, (slot) => this.#admit(table, slot, nowMs))
    if (typeof outcome === "string") throw new SessionEnd(outcome)
    return outcome ?? UNCOUNTED
  }

  #admit(table: ClientTable, slot: number, nowMs: number): Place | CloseReason {
    if (this.#maxConnections !== 0 && table.connections(slot) >= this.#maxConnections) {
      return "too_many_from_client"
    }
    const fullAtMs = Math.max(table.fullAtMs(slot), nowMs)
    if (this.#isRated && fullAtMs - nowMs > this.#burstMs) return "rate_limited"
    table.acquire(slot, fullAtMs + this.#intervalMs)
    return new ClientPlace(table, slot)
  }

  /** Without a rate no time is needed. */
  #nowMs(): number {
    return this.#isRated ? this.clock.nowMs() : 0
  }
}
