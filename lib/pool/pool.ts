/** Which backends a session may dial, and in what order. A pool knows their health and their load. */
import type { FieldEdit } from "../http/field-writer.js"
import { SettingError } from "../settings/setting-error.js"
import { type Clock, systemClock } from "../shared/clock.js"
import type { UpgradeRequest } from "../upgrade/upgrade-request.js"
import { Backend } from "./backend.js"
import type { BackendInput } from "./backend-settings.js"
import { type Order, orderBy } from "./balance.js"
import { type HashKey, parseHashKey } from "./hash-key.js"
import {
  checked,
  claimTrial,
  dialFailed,
  dialled,
  type HealthChange,
  isEligible,
  isOnlyEjected,
  isUp,
  settle,
} from "./health.js"
import { OWN_ROWS, type PoolRows } from "./pool-rows.js"
import { type PoolOptions, type PoolSettings, toPoolSettings } from "./pool-settings.js"
import { RoundRobin, restartRound } from "./round-robin.js"
import { createSticky, type Sticky } from "./sticky.js"

/**
 * A live set of backends: additions and removals apply to sessions that begin later. Open tunnels stay as
 * they are.
 */
export class Pool {
  #settings: PoolSettings
  #members: readonly Backend[] = []
  /**
   * Two, because one session may take a turn among the primaries and then one among the backups. With a
   * shared counter it would take two steps, and two backups would never share the sessions of two dead
   * primaries.
   */
  #orders: { readonly primaries: Order; readonly backups: Order }
  #keyOf: HashKey | undefined
  #sticky: Sticky | undefined
  readonly #listeners = new Set<(change: HealthChange) => void>()

  /**
   * @param backends each `host:port`, `[v6]:port`, `ws://host[:port][/path]`, `wss://…` or `unix:/path`, or
   * an object with such an `address`; duplicates count once. While there are none, clients get a 503
   * @param settings overrides of `POOL_DEFAULTS`
   * @param clock for ejections and health checks. Default: the system's
   * @param rows counts and health. Default: its own
   * @throws {AddressError}
   * @throws {SettingError}
   */
  constructor(
    backends: string | Iterable<BackendInput> = [],
    settings: PoolOptions = {},
    readonly clock: Clock = systemClock,
    private readonly rows: PoolRows = OWN_ROWS,
  ) {
    this.#settings = toPoolSettings(settings)
    const { balance, sticky_cookie, sticky_secret } = this.settings
    const orderOf = (tier: "primaries" | "backups") => orderBy(balance, new RoundRobin(rows.turn(tier)))
    this.#orders = { primaries: orderOf("primaries"), backups: orderOf("backups") }
    this.#keyOf = hashKeyOf(this.settings)
    this.#sticky =
      sticky_cookie === undefined
        ? undefined
        : createSticky(sticky_cookie, sticky_secret ?? rows.stickySecret())
    for (const backend of typeof backends === "string" ? [backends] : backends) this.add(backend)
  }

  get settings(): PoolSettings {
    return this.#settings
  }

  /** The backends' names, as the user wrote them, in order. */
  get backends(): string[] {
    return this.#members.map(({ name }) => name)
  }

  /** The backends themselves, in order. */
  get members(): readonly Backend[] {
    return this.#members
  }

  /**
   * Adds a backend at the end, unless there is one of this name: that one stays as it is.
   * @throws {AddressError}
   * @throws {SettingError}
   */
  add(backend: BackendInput): void {
    const name = typeof backend === "string" ? backend : backend.address
    if (this.#members.some((member) => member.name === name)) return
    this.#members = [...this.#members, new Backend(backend, this.rows.backend(name), this.rows.held(name))]
  }

  /** Removes a backend by its name. Returns whether it was there. */
  remove(backend: string): boolean {
    const removed = this.#members.find(({ name }) => name === backend)
    if (removed === undefined) return false
    this.#members = this.#members.filter((member) => member !== removed)
    return true
  }

  /**
   * Takes over the backends and settings of a pool with the same rows, for a reload. Backends that stay are
   * the same objects with other settings, because sessions hold them and health checks go by them.
   */
  adopt(next: Pool): void {
    const before = this.#members
    const hadWeights = weightsOf(before)
    this.#members = next.#members.map((member) => {
      const kept = before.find(({ name }) => name === member.name)
      kept?.adopt(member)
      return kept ?? member
    })
    this.#settings = next.#settings
    this.#orders = next.#orders
    this.#keyOf = next.#keyOf
    this.#sticky = next.#sticky
    if (weightsOf(this.#members) !== hadWeights) restartRound(this.#members)
    for (const member of this.#members) this.#tell(member, settle(member.cells, this.settings))
  }

  /**
   * Acquires one backend after another for one session, which asks for the next one after a failed dial: each
   * at most once, `max_tries` in all. First eligible primaries, then eligible backups, and as a last resort
   * those that only failed dials have ejected, primaries first. The session calls `backend.release()` once
   * for each: after its failed dial, or at the session's end.
   *
   * The order within each of these groups is fixed when the session reaches it, and takes one turn.
   * @param clientIp the value of the `hash_key` "client_ip"
   */
  *reserve(request: UpgradeRequest, clientIp: string): Generator<Backend, void, void> {
    const tried: Backend[] = []
    for (;;) {
      const untried = this.#untried(tried)
      const eligible = this.#eligible(untried)
      const isLastResort = eligible.length === 0
      const group = preferPrimaries(isLastResort ? ejectedOf(untried) : eligible)
      if (group.length === 0) return
      // If another thread has just taken all of them, the next round looks at what is left.
      for (const backend of this.#inOrder(group, request, clientIp)) {
        if (!this.#acquire(backend, isLastResort)) continue
        tried.push(backend)
        yield backend
        if (tried.length === this.settings.max_tries) return
      }
    }
  }

  /** A dial has succeeded. */
  dialled(backend: Backend): void {
    this.#tell(backend, dialled(backend.cells))
  }

  /**
   * A dial has failed, and not because of this machine. May eject the backend, but never the last one that is
   * up.
   */
  dialFailed(backend: Backend): void {
    const isSpared = () => !this.#members.some((member) => member !== backend && isUp(member.cells))
    this.#tell(backend, dialFailed(backend.cells, this.settings, this.#nowMs(), isSpared))
  }

  /**
   * A health check has ended. Does nothing in a pool without `health_check`.
   * @param fault what was wrong; undefined if it passed
   */
  checked(backend: Backend, fault: string | undefined): void {
    const { health_check } = this.settings
    if (health_check !== undefined) this.#tell(backend, checked(backend.cells, fault, health_check))
  }

  /**
   * Adds the cookie that keeps a client with this backend to its response. undefined in a pool without
   * `sticky_cookie`, and if the request has that cookie already.
   */
  stickyField(backend: Backend, request: UpgradeRequest, isSecure: boolean): FieldEdit | undefined {
    return this.#sticky?.fieldFor(backend, request.fields, isSecure)
  }

  /**
   * Calls `listener`, which must not throw, at every change of a backend's state. Returns a function that
   * ends this.
   */
  onHealthChange(listener: (change: HealthChange) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #untried(tried: readonly Backend[]): readonly Backend[] {
    return tried.length === 0 ? this.#members : this.#members.filter((member) => !tried.includes(member))
  }

  #eligible(backends: readonly Backend[]): readonly Backend[] {
    const nowMs = this.#nowMs()
    return backends.filter(({ isFull, cells }) => !isFull && isEligible(cells, this.settings, nowMs))
  }

  /** Orders backends of one kind by the policy. This takes a turn. */
  #inOrder(group: readonly Backend[], request: UpgradeRequest, clientIp: string): readonly Backend[] {
    if (group.length < 2) return group
    const orderBackends = group[0]?.isBackup ? this.#orders.backups : this.#orders.primaries
    const order = orderBackends(group, this.#keyOf?.(request, clientIp))
    return this.#sticky === undefined ? order : this.#sticky.prefer(order, request.fields)
  }

  /**
   * Takes a place. Only one session at a time tries a backend whose ejection is over. As a last resort any
   * number do: they have nothing else, and the first one that gets through ends the ejection.
   */
  #acquire(backend: Backend, isLastResort: boolean): boolean {
    if (!backend.acquire()) return false
    const { cells } = backend
    if (isUp(cells)) return true
    if (isOnlyEjected(cells) && (claimTrial(cells, this.settings, this.#nowMs()) || isLastResort)) return true
    backend.release()
    return false
  }

  /** Truncated to 32 bits, as the cells hold it. All threads of a process read the same clock. */
  #nowMs(): number {
    return this.clock.nowMs() | 0
  }

  /** Changes of a backend that was removed are not reported. */
  #tell(backend: Backend, change: Omit<HealthChange, "backend"> | undefined): void {
    if (change === undefined || !this.#members.includes(backend)) return
    for (const listener of this.#listeners) listener({ backend: backend.name, ...change })
  }
}

/**
 * The last resort if none of these is eligible: those that only failed dials have ejected. Empty if one that
 * is up is merely full, since a 503 at once is better than waiting for a backend that is probably down.
 */
function ejectedOf(backends: readonly Backend[]): readonly Backend[] {
  if (backends.some(({ cells }) => isUp(cells))) return []
  return backends.filter(({ isFull, cells }) => !isFull && isOnlyEjected(cells))
}

/** The primaries among them, or all if there are none. */
function preferPrimaries(backends: readonly Backend[]): readonly Backend[] {
  if (backends.length < 2) return backends
  const primaries = backends.filter(({ isBackup }) => !isBackup)
  return primaries.length > 0 ? primaries : backends
}

function weightsOf(backends: readonly Backend[]): string {
  return JSON.stringify(backends.map(({ name, weight }) => [name, weight]))
}

function hashKeyOf({ balance, hash_key }: PoolSettings): HashKey | undefined {
  if (balance !== "hash") return undefined
  if (hash_key === undefined) throw new SettingError('the balance "hash" needs a hash_key, as in "client_ip"')
  return parseHashKey(hash_key)
}
