/** Which backends may a session try, and in what order? A pool knows its backends, how fit they are and how full. */
import { SettingError } from "../setting-error.js"
import type { UpgradeRequest } from "../upgrade/upgrade-request.js"
import { Backend } from "./backend.js"
import { type Order, orderBy } from "./balance.js"
import { type HashKey, parseHashKey } from "./hash-key.js"
import {
  checked,
  claimTrial,
  dialFailed,
  dialled,
  type HealthChange,
  isOnlyOut,
  isUp,
  isUsable,
} from "./health.js"
import { type BackendInput, type PoolOptions, type PoolSettings, toPoolSettings } from "./pool-settings.js"
import { createSticky, type Sticky } from "./sticky.js"

/**
 * A live set of backends: what is added or removed counts for every session that begins after it. Tunnels that are open
 * stay where they are.
 */
export class Pool {
  readonly settings: PoolSettings
  #members: readonly Backend[] = []
  readonly #clock: () => number
  readonly #order: Order
  readonly #keyOf: HashKey | undefined
  readonly #sticky: Sticky | undefined
  readonly #listeners = new Set<(change: HealthChange) => void>()

  /**
   * @param backends each `host:port`, `[v6]:port`, `ws://host[:port][/path]`, `wss://…` or `unix:/path`, or a table with such an
   * `address`; one that is there twice counts once. There may be none, until `add`: clients get a 503 then
   * @param settings what differs from `POOL_DEFAULTS`
   * @param clock a monotonic one, in milliseconds
   * @throws {AddressError}
   * @throws {SettingError}
   */
  constructor(
    backends: string | Iterable<BackendInput> = [],
    settings: PoolOptions = {},
    clock: () => number = () => performance.now(),
  ) {
    this.settings = toPoolSettings(settings)
    const { balance, sticky_cookie, sticky_secret } = this.settings
    this.#clock = clock
    this.#order = orderBy(balance)
    this.#keyOf = hashKeyOf(this.settings)
    this.#sticky = sticky_cookie === undefined ? undefined : createSticky(sticky_cookie, sticky_secret)
    for (const backend of typeof backends === "string" ? [backends] : backends) this.add(backend)
  }

  /** The backends' names, as they were given, in order. */
  get backends(): string[] {
    return this.#members.map(({ name }) => name)
  }

  /** The backends themselves, in order. */
  get members(): readonly Backend[] {
    return this.#members
  }

  /**
   * Adds a backend at the end, unless one of this name is there already: that one stays as it is.
   * @throws {AddressError}
   * @throws {SettingError}
   */
  add(backend: BackendInput): void {
    const name = typeof backend === "string" ? backend : backend.address
    if (this.#members.some((member) => member.name === name)) return
    this.#members = [...this.#members, new Backend(backend)]
  }

  /** Takes a backend out. Returns whether it was there. */
  remove(backend: string): boolean {
    const removed = this.#members.find(({ name }) => name === backend)
    if (removed === undefined) return false
    this.#members = this.#members.filter((member) => member !== removed)
    removed.retire()
    return true
  }

  /**
   * The backends that one session may try, each once, in this order: primaries; if none can be used, backups; if none of
   * them either, those that only failed dials have taken out. Full ones are left out. Taking the order takes a turn.
   * @param clientIp what the `hash_key` "client_ip" goes by
   */
  candidates(request: UpgradeRequest, clientIp: string): readonly Backend[] {
    const tier = this.#tier()
    if (tier.length < 2) return tier
    const order = this.#order(tier, this.#keyOf?.(request, clientIp))
    return this.#sticky === undefined ? order : this.#sticky.prefer(order, request.fields)
  }

  /**
   * Takes a place on a candidate before it is dialled; who got one calls `backend.release()` once, at the session's end.
   * false: it is full by now, or out and another session is trying whether it is back. The next candidate may be free.
   */
  tryReserve(backend: Backend): boolean {
    if (!backend.tryReserve()) return false
    const { cells } = backend
    if (!isOnlyOut(cells)) return true
    const nowMs = this.#nowMs()
    if (claimTrial(cells, this.settings, nowMs)) return true
    // What is tried by one session at a time is no help where there is nothing else.
    if (!this.#members.some((member) => this.#isOpen(member, nowMs))) return true
    backend.release()
    return false
  }

  /** A dial has succeeded. */
  dialled(backend: Backend): void {
    this.#tell(backend, dialled(backend.cells))
  }

  /** A dial has failed, and not because of this machine. It may take the backend out, but never the last one that is up. */
  dialFailed(backend: Backend): void {
    const isSpared = () => !this.#members.some((member) => member !== backend && isUp(member.cells))
    this.#tell(backend, dialFailed(backend.cells, this.settings, this.#nowMs(), isSpared))
  }

  /**
   * A health check has ended. Does nothing in a pool without `health_check`.
   * @param fault what was wrong; undefined when it passed
   */
  checked(backend: Backend, fault: string | undefined): void {
    const { health_check } = this.settings
    if (health_check !== undefined) this.#tell(backend, checked(backend.cells, fault, health_check))
  }

  /**
   * The `Set-Cookie` line, with its CRLF, that keeps a client with this backend. undefined in a pool without
   * `sticky_cookie`, and for a client that has brought that cookie.
   */
  stickyField(backend: Backend, request: UpgradeRequest, isSecure: boolean): string | undefined {
    return this.#sticky?.fieldFor(backend, request.fields, isSecure)
  }

  /** Tells every change of a backend's state to `listener`, which must not throw. Returns what ends that. */
  onHealthChange(listener: (change: HealthChange) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** The backends of the best kind that there is now, in their own order. */
  #tier(): readonly Backend[] {
    const nowMs = this.#nowMs()
    const open = this.#members.filter((member) => this.#isOpen(member, nowMs))
    if (open.length === 0) return this.#members.filter((member) => !member.isFull && isOnlyOut(member.cells))
    if (open.length === 1) return open
    const primaries = open.filter(({ isBackup }) => !isBackup)
    return primaries.length > 0 ? primaries : open
  }

  #isOpen(backend: Backend, nowMs: number): boolean {
    return !backend.isFull && isUsable(backend.cells, this.settings, nowMs)
  }

  /** Cut to 32 bits, as the cells hold it. */
  #nowMs(): number {
    return this.#clock() | 0
  }

  /** What happens to a backend that has been removed is no news of this pool. */
  #tell(backend: Backend, change: Omit<HealthChange, "backend"> | undefined): void {
    if (change === undefined || !this.#members.includes(backend)) return
    for (const listener of this.#listeners) listener({ backend: backend.name, ...change })
  }
}

function hashKeyOf({ balance, hash_key }: PoolSettings): HashKey | undefined {
  if (balance !== "hash") return undefined
  if (hash_key === undefined) throw new SettingError('the balance "hash" needs a hash_key, as in "client_ip"')
  return parseHashKey(hash_key)
}
