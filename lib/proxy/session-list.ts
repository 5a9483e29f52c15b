/**
 * Lists and closes the live sessions of one thread for the admin API. There may be a hundred thousand of
 * them, so a walk gives way to the event loop every few hundred sessions.
 */
import type { ClosedTunnels, SessionPage, SessionStatus } from "../admin/api-types.js"
import type { SessionQuery } from "../admin/source.js"
import type { CloseReason } from "../close-reason.js"
import type { Backend } from "../pool/backend.js"
import type { LiveSession, SessionRegistry } from "../session/registry.js"
import { type Clock, systemClock } from "../shared/clock.js"
import type { LiveSessions } from "./data-plane.js"
import type { Pools } from "./pools.js"

/** Sessions that are looked at in one turn of the event loop: less than a millisecond. */
const PER_TURN = 500

/** Rates are not measured over less, however many ask. */
const MIN_SAMPLE_MS = 500

/** What of a page's sessions is compared. */
type Key = number | string

/** The part of a `RunningListener` that is used. */
export interface ListedListener {
  readonly settings: { readonly name: string }
  readonly sessions: SessionRegistry
  closeTunnelsOf(backend: Backend, reason: CloseReason): number
}

interface Traffic {
  readonly bytesFromClient: number
  readonly bytesFromBackend: number
}

interface Sample extends Traffic {
  readonly atMs: number
}

interface Candidate {
  readonly listener: ListedListener
  readonly session: LiveSession
  readonly key: Key
}

export class SessionList implements LiveSessions {
  /** The number of each listener in this thread, for the ids of its sessions. */
  readonly #numbers = new Map<ListedListener, number>()
  #lastNumber = 0
  /** What a session had moved when it was listed last. */
  readonly #samples = new WeakMap<LiveSession, Sample>()

  /**
   * @param thread where the ids of the sessions begin. Never that of another thread of this process
   * @param pools those of the current plan
   */
  constructor(
    private readonly thread: number,
    private readonly listeners: () => Iterable<ListedListener>,
    private readonly pools: () => Pools | undefined,
    private readonly clock: Clock = systemClock,
  ) {}

  async list(query: SessionQuery): Promise<SessionPage> {
    const order = orderOf(query)
    let total = 0
    let first: readonly Candidate[] = []
    for await (const [listener, sessions] of this.#walk(query.listener)) {
      const matching = sessions.filter((session) => isMatch(session, query))
      total += matching.length
      const candidates = matching.map((session) => ({ listener, session, key: this.#keyOf(session, query) }))
      first = mergeSorted(first, candidates.sort(order), order, query.offset + query.limit)
    }
    return { total, sessions: first.map(({ listener, session }) => this.#statusOf(listener, session)) }
  }

  async close(id: string): Promise<boolean> {
    const [, thread, number, session] = (/^(\d+)\.(\d+)\.(\d+)$/.exec(id) ?? []).map(Number)
    if (thread !== this.thread) return false
    for (const listener of this.listeners()) {
      if (this.#numbers.get(listener) !== number) continue
      for (const live of listener.sessions) {
        if (live.id !== session || live.stage === "closing") continue
        live.close("admin_close")
        return true
      }
    }
    return false
  }

  async closeTunnels(pool: string, backend: string): Promise<ClosedTunnels> {
    const member = findBackend(this.pools(), pool, backend)
    let closed = 0
    if (member === undefined) return { closed }
    for (const listener of this.listeners()) closed += listener.closeTunnelsOf(member, "admin_close")
    return { closed }
  }

  /** All sessions, a few hundred in each turn of the event loop. Some may come and go meanwhile. */
  async *#walk(name?: string): AsyncGenerator<readonly [ListedListener, readonly LiveSession[]]> {
    for (const listener of this.listeners()) {
      if (name !== undefined && listener.settings.name !== name) continue
      let batch: LiveSession[] = []
      for (const session of listener.sessions) {
        batch.push(session)
        if (batch.length < PER_TURN) continue
        yield [listener, batch]
        batch = []
        await nextTurn()
      }
      yield [listener, batch]
    }
  }

  #keyOf(session: LiveSession, { sort }: SessionQuery): Key {
    switch (sort) {
      case "ageMs":
        // The oldest one has the highest age.
        return -session.startedMs
      case "bytesFromClient":
      case "bytesFromBackend":
        return session[sort]
      case "rateFromClient":
        return this.#ratesOf(session).bytesFromClient
      case "rateFromBackend":
        return this.#ratesOf(session).bytesFromBackend
      case "stage":
        return session.stage
      default:
        return session.summary[sort] ?? ""
    }
  }

  /** Per second, since the last sample or the start. */
  #ratesOf(session: LiveSession): Traffic {
    const { startedMs, bytesFromClient, bytesFromBackend } = session
    const last = this.#samples.get(session)
    const seconds = Math.max(this.clock.nowMs() - (last?.atMs ?? startedMs), 1) / 1000
    return {
      bytesFromClient: Math.round((bytesFromClient - (last?.bytesFromClient ?? 0)) / seconds),
      bytesFromBackend: Math.round((bytesFromBackend - (last?.bytesFromBackend ?? 0)) / seconds),
    }
  }

  #statusOf(listener: ListedListener, session: LiveSession): SessionStatus {
    const { id, stage, startedMs, bytesFromClient, bytesFromBackend, summary } = session
    const rates = this.#ratesOf(session)
    const atMs = this.clock.nowMs()
    const last = this.#samples.get(session)
    if (last === undefined || atMs - last.atMs >= MIN_SAMPLE_MS) {
      this.#samples.set(session, { atMs, bytesFromClient, bytesFromBackend })
    }
    return {
      id: `${this.thread}.${this.#numberOf(listener)}.${id}`,
      listener: summary.listener,
      client: summary.client,
      backend: summary.backend,
      pool: summary.pool,
      route: summary.route,
      stage,
      ageMs: Math.round(atMs - startedMs),
      bytesFromClient,
      bytesFromBackend,
      rateFromClient: rates.bytesFromClient,
      rateFromBackend: rates.bytesFromBackend,
      path: summary.path,
    }
  }

  #numberOf(listener: ListedListener): number {
    const known = this.#numbers.get(listener)
    if (known !== undefined) return known
    const current = new Set(this.listeners())
    for (const other of this.#numbers.keys()) if (!current.has(other)) this.#numbers.delete(other)
    this.#numbers.set(listener, ++this.#lastNumber)
    return this.#lastNumber
  }
}

/** The first sessions of all threads, out of those of each. */
export function mergePages(
  pages: readonly SessionPage[],
  { sort, descending, offset, limit }: SessionQuery,
): SessionPage {
  const sign = descending ? -1 : 1
  const order = (one: SessionStatus, other: SessionStatus) =>
    sign * compare(one[sort] ?? "", other[sort] ?? "")
  return {
    total: pages.reduce((sum, page) => sum + page.total, 0),
    sessions: pages.reduce<readonly SessionStatus[]>(
      (first, page) => mergeSorted(first, page.sessions, order, offset + limit),
      [],
    ),
  }
}

/** The first ones of two sorted lists. */
function mergeSorted<Item>(
  some: readonly Item[],
  others: readonly Item[],
  order: (one: Item, other: Item) => number,
  count: number,
): readonly Item[] {
  if (others.length === 0) return some
  const merged: Item[] = []
  let [left, right] = [0, 0]
  while (merged.length < count) {
    const [one, other] = [some[left], others[right]]
    if (one === undefined && other === undefined) break
    if (other === undefined || (one !== undefined && order(one, other) <= 0)) {
      if (one !== undefined) merged.push(one)
      left++
    } else {
      merged.push(other)
      right++
    }
  }
  return merged
}

function orderOf({ descending }: SessionQuery): (one: Candidate, other: Candidate) => number {
  const sign = descending ? -1 : 1
  return (one, other) => sign * compare(one.key, other.key)
}

/** The member of this name in the pool of this name. */
function findBackend(pools: Pools | undefined, pool: string, backend: string): Backend | undefined {
  for (const runtime of pools?.runtimes.values() ?? []) {
    if (runtime.name !== pool) continue
    const member = runtime.pool.members.find(({ name }) => name === backend)
    if (member !== undefined) return member
  }
  return undefined
}

function isMatch({ stage, summary }: LiveSession, query: SessionQuery): boolean {
  return (
    (query.stage === undefined || stage === query.stage) &&
    (query.pool === undefined || summary.pool === query.pool) &&
    (query.backend === undefined || summary.backend === query.backend) &&
    (query.client === undefined || summary.client.includes(query.client))
  )
}

function compare(one: Key, other: Key): number {
  return one < other ? -1 : one > other ? 1 : 0
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
