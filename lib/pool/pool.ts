/** Which backends a session may dial, and in what order. A pool knows their health and their load. */
import type { FieldEdit } from "../http/field-writer.js"
import { SettingError } from "../settings/setting-error.js"
import { type Clock, systemClock } from "../shared/clock.js"
import type { UpgradeRequest } from "../upgrade/upgrade-request.js"
import { Backend } from "./backend.js"
import { type BackendInput, toBackendTable } from "./backend-settings.js"
import { type Order, orderBy } from "./balance.js"
import { FailOn } from "./fail-on.js"
import { type HashKey, parseHashKey } from "./hash-key.js"
import {
  checked,
  claimTrial,
  failed,
  type HealthChange,
  isEligible,
  isOnlyEjected,
  isUnhealthy,
  isUp,
  passed,
  settle,
} from "./health.js"
import { OWN_ROWS, type PoolRows } from "./pool-rows.js"
import { type PoolOptions, type PoolSettings, toPoolSettings } from "./pool-settings.js"
import { RoundRobin, restartRound } from "./round-robin.js"
import { beginSlowStart, startedPart } from "./slow-start.js"
import { createSticky, type Sticky } from "./sticky.js"

/**
 * A live set of backends: additions and removals apply to sessions that begin later. Open tunnels stay as
 * they are, unless `on_backend_down` closes them.
 */
export class Pool {
  #settings: PoolSettings
  #failOn: FailOn
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
  readonly #tunnelClosers = new Set<(backend: Backend) => void>()

  /**
   * @param backends each `host:port`, `[v6]:port`, `ws://host[:port][/path]`, `wss://…` or `unix:/path`, a
   * `URL`, or an object with such an `address`; duplicates count once. While there are none, clients get a
   * 503
   * @param settings overrides of `POOL_DEFAULTS`
   * @param clock for ejections and health checks. Default: the system's
   * @param rows counts and health. Default: its own
   * @param random gives numbers from 0 (included) to 1 (excluded). Default: `Math.random`
   * @throws {AddressError}
   * @throws {SettingError}
   */
  constructor(
    backends: string | URL | Iterable<BackendInput> = [],
    settings: PoolOptions = {},
    readonly clock: Clock = systemClock,
    private readonly rows: PoolRows = OWN_ROWS,
    private readonly random: () => number = Math.random,
  ) {
    this.#settings = toPoolSettings(settings)
    const { balance, sticky_cookie, sticky_secret, sticky_attributes } = this.settings
    const orderOf = (tier: "primaries" | "backups") =>
      orderBy(balance, random, new RoundRobin(rows.turn(tier)))
    this.#orders = { primaries: orderOf("primaries"), backups: orderOf("backups") }
    this.#failOn = new FailOn(this.settings.fail_on)
    this.#keyOf = hashKeyOf(this.settings)
    this.#sticky =
      sticky_cookie === undefined
        ? undefined
        : createSticky(sticky_cookie, sticky_secret ?? rows.stickySecret(), sticky_attributes)
    const isOne = typeof backends === "string" || backends instanceof URL
    for (const backend of isOne ? [backends] : backends) this.#append(backend)
  }

  get settings(): PoolSettings {
    return this.#settings
  }

  /** What counts towards `max_fails`. */
  get failOn(): FailOn {
    return this.#failOn
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
   * Adds a backend at the end, in slow start, unless there is one of this name: that one stays as it is.
   * @throws {AddressError}
   * @throws {SettingError}
   */
  add(backend: BackendInput): void {
    const added = this.#append(backend)
    if (added !== undefined) beginSlowStart(added.cells, this.#nowMs())
  }

  /** Removes a backend by its name. Returns whether it was there. */
  remove(backend: string | URL): boolean {
    const removed = this.#named(backend)
    if (removed === undefined) return false
    this.#members = this.#members.filter((member) => member !== removed)
    this.#closeTunnelsOf(removed)
    return true
  }

  /**
   * Drains a backend by its name: it gets no new sessions, and open tunnels stay. Returns whether it was
   * there.
   * @param isDraining false ends that, with a slow start. A weight of 0 remains
   */
  drain(backend: string | URL, isDraining = true): boolean {
    const member = this.#named(backend)
    if (member === undefined) return false
    if (member.drain && !isDraining) beginSlowStart(member.cells, this.#nowMs())
    member.drain = isDraining
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
      const isBack = kept === undefined || (kept.isDraining && !member.isDraining)
      kept?.adopt(member)
      const current = kept ?? member
      if (isBack) beginSlowStart(current.cells, this.#nowMs())
      return current
    })
    this.#settings = next.#settings
    this.#failOn = next.#failOn
    this.#orders = next.#orders
    this.#keyOf = next.#keyOf
    this.#sticky = next.#sticky
    if (weightsOf(this.#members) !== hadWeights) restartRound(this.#members)
    for (const member of this.#members) this.#tell(member, settle(member.cells, this.settings))
    for (const member of before) this.#closeTunnelsOf(member)
  }

  /**
   * Acquires one backend after another for one session, which asks for the next one after a failed dial: each
   * at most once, `max_tries` in all. First eligible primaries, then eligible backups, and as a last resort
   * those that only failed attempts have ejected, primaries first. The session calls `backend.release()` once
   * for each: after its failed dial, or at the session's end.
   *
   * The order within each of these groups is fixed when the session reaches it, and takes one turn.
   * @param clientIp the value of the `hash_key` "client_ip"
   * @param attemptMs the longest that an attempt may take, from the dial to the response
   * @param only the name of the only backend that may be acquired. Default: any
   */
  *reserve(
    request: UpgradeRequest,
    clientIp: string,
    attemptMs = 0,
    only?: string,
  ): Generator<Backend, void, void> {
    const tried: Backend[] = []
    for (;;) {
      const all = this.#untried(tried)
      const untried = only === undefined ? all : all.filter(({ name }) => name === only)
      const eligible = this.#eligible(untried)
      const isLastResort = eligible.length === 0
      const group = preferPrimaries(isLastResort ? ejectedOf(untried) : eligible)
      if (group.length === 0) return
      // If another thread has just taken all of them, the next round looks at what is left.
      for (const backend of this.#inOrder(group, request, clientIp)) {
        if (!this.#acquire(backend, isLastResort, attemptMs)) continue
        tried.push(backend)
        yield backend
        if (tried.length === this.settings.max_tries) return
      }
    }
  }

  /** An attempt has succeeded, which was certain at this stage. */
  passed(backend: Backend, stage: "dial" | "handshake"): void {
    this.#tell(backend, passed(backend.cells, stage))
  }

  /**
   * An attempt has failed in a way that counts. May eject the backend, but never the last one that is up.
   * @param what has failed, for the log
   * @param changes `backend.changes` when the attempt began: one that began before the backend was ejected or
   * came back says nothing about it now
   */
  failed(backend: Backend, what: string, changes = backend.changes): void {
    if (changes !== backend.changes) return
    const isSpared = () =>
      !this.#members.some((member) => member !== backend && !member.isDraining && isUp(member.cells))
    this.#tell(backend, failed(backend.cells, this.settings, this.#nowMs(), what, isSpared))
  }

  /**
   * A health check has ended. Does nothing in a pool without `health_check`.
   * @param fault what was wrong; undefined if it passed
   */
  checked(backend: Backend, fault: string | undefined): void {
    const { health_check } = this.settings
    if (health_check === undefined) return
    const wasUnhealthy = isUnhealthy(backend.cells)
    this.#tell(backend, checked(backend.cells, fault, health_check))
    if (!wasUnhealthy && isUnhealthy(backend.cells)) this.#closeTunnelsOf(backend)
  }

  /** Whether `on_backend_down` lets this backend have no tunnels now. */
  closesTunnelsOf(backend: Backend): boolean {
    if (this.settings.on_backend_down === "keep") return false
    return isUnhealthy(backend.cells) || !this.#members.includes(backend)
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

  /**
   * Calls `closer`, which must not throw, when the tunnels of a backend must be closed by `on_backend_down`.
   * Returns a function that ends this.
   */
  onCloseTunnels(closer: (backend: Backend) => void): () => void {
    this.#tunnelClosers.add(closer)
    return () => this.#tunnelClosers.delete(closer)
  }

  #named(backend: string | URL): Backend | undefined {
    const { address } = toBackendTable(backend)
    return this.#members.find(({ name }) => name === address)
  }

  #closeTunnelsOf(backend: Backend): void {
    if (!this.closesTunnelsOf(backend)) return
    for (const close of this.#tunnelClosers) close(backend)
  }

  /** Returns the new backend, or undefined if there is one of this name. */
  #append(input: BackendInput): Backend | undefined {
    const { address: name } = toBackendTable(input)
    if (this.#members.some((member) => member.name === name)) return undefined
    const backend = new Backend(input, this.rows.backend(name), this.rows.held(name))
    this.#members = [...this.#members, backend]
    return backend
  }

  #untried(tried: readonly Backend[]): readonly Backend[] {
    return this.#members.filter((member) => !member.isDraining && !tried.includes(member))
  }

  #eligible(backends: readonly Backend[]): readonly Backend[] {
    const nowMs = this.#nowMs()
    return backends.filter(({ isFull, cells }) => !isFull && isEligible(cells, this.settings, nowMs))
  }

  /** Orders backends of one kind by the policy. This takes a turn. */
  #inOrder(group: readonly Backend[], request: UpgradeRequest, clientIp: string): readonly Backend[] {
    if (group.length < 2) return group
    const orderBackends = group[0]?.isBackup ? this.#orders.backups : this.#orders.primaries
    const key = this.#keyOf?.(request, clientIp)
    const first = key === undefined ? this.#started(group) : group
    const rest = first === group ? [] : group.filter((backend) => !first.includes(backend))
    const ordered = first.length < 2 ? first : orderBackends(first, key)
    const order = rest.length === 0 ? ordered : [...ordered, ...rest]
    return this.#sticky === undefined ? order : this.#sticky.prefer(order, request.fields)
  }

  /**
   * Those that take part in the policy this time: a backend in slow start does so in a part of the sessions.
   * The others come last. All of them if none does.
   */
  #started(group: readonly Backend[]): readonly Backend[] {
    const { slow_start_ms } = this.settings
    if (slow_start_ms === 0) return group
    const nowMs = this.#nowMs()
    const started = group.filter(({ cells }) => {
      const part = startedPart(cells, slow_start_ms, nowMs)
      return part === 1 || this.random() < part
    })
    return started.length === 0 || started.length === group.length ? group : started
  }

  /**
   * Takes a place. Only one session at a time tries a backend whose ejection is over. As a last resort any
   * number do: they have nothing else, and the first one that gets through ends the ejection.
   */
  #acquire(backend: Backend, isLastResort: boolean, attemptMs: number): boolean {
    if (!backend.acquire()) return false
    const { cells } = backend
    if (isUp(cells)) return true
    if (isOnlyEjected(cells)) {
      if (claimTrial(cells, this.settings, this.#nowMs(), attemptMs) || isLastResort) return true
    }
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
    if (change.isUp) beginSlowStart(backend.cells, this.#nowMs())
    for (const listener of this.#listeners) listener({ backend: backend.name, ...change })
  }
}

/**
 * The last resort if none of these is eligible: those that only failed attempts have ejected. Empty if one
 * that is up is merely full, since a 503 at once is better than waiting for a backend that is probably down.
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
