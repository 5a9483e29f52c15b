/**
 * Resolves the names of backends, for all dials of this process together.
 *
 * `getaddrinfo` can't be cancelled and blocks a thread of libuv until the resolver gives up, which takes many
 * seconds if a name server does not respond. libuv runs only a few lookups at a time, so a name that
 * resolves slowly must not hold them all:
 *
 * - All dials that want a name share one lookup in flight, and its result is kept briefly.
 * - A name whose last lookup was slow waits behind quicker ones and never takes the last place.
 * - While a lookup is slow, the addresses that the name had within the last minute are used (RFC 8767).
 * - `localhost` needs no lookup (RFC 6761 §6.3), and Node never looks up IP addresses.
 */
import dns, { type LookupAddress } from "node:dns"
import { SessionEnd } from "../close-reason.js"
import { type Clock, systemClock, type Timer } from "../shared/clock.js"
import { isLocalFault } from "./local-fault.js"

/** How long a result, good or bad, is used before the name is looked up again. */
const FRESH_MS = 1000
/** A lookup that takes longer is slow. A healthy one takes milliseconds. */
const SLOW_MS = 500
/** How long the last addresses of a name stand in for a lookup that is slow or reaches no name server. */
const STALE_MS = 60_000

const LOOPBACK: readonly LookupAddress[] = [
  { address: "127.0.0.1", family: 4 },
  { address: "::1", family: 6 },
]

/** Gets all addresses of a name in the system's order, or a failure. Never called within `resolve` itself. */
export type Resolved = (failure: SessionEnd | null, addresses: readonly LookupAddress[]) => void

/** Gets all addresses of a name, as `getaddrinfo` does. */
export type Lookup = (
  name: string,
  callback: (error: Error | null, addresses?: readonly LookupAddress[]) => void,
) => void

interface Name {
  readonly text: string
  /** Dials that wait for the lookup that is queued or in flight. */
  readonly waiting: Set<Resolved>
  /** When that lookup was asked for; undefined while there is none. */
  askedMs?: number | undefined
  /** Hands out stale addresses when the lookup turns out to be slow. */
  staleTimer?: Timer | undefined
  /** The last addresses that were found, and when. Empty: none. */
  addresses: readonly LookupAddress[]
  foundMs: number
  /** How the last lookup failed, if it did. */
  failure: SessionEnd | null
  /** When the last lookup ended, how long it took (0: there was none), and until when its result is used. */
  endedMs: number
  tookMs: number
  freshUntilMs: number
}

/** Remembers a name for a minute after its last lookup, and drops older ones whenever a lookup ends. */
export class Resolver {
  readonly #names = new Map<string, Name>()
  /** Names that wait for a place, in order. */
  readonly #queue = new Set<Name>()
  #inFlight = 0

  /** @param places concurrent lookups, at least 1 */
  constructor(
    private readonly places: number,
    private readonly lookup: Lookup,
    private readonly clock: Clock,
  ) {}

  /** How many names it remembers. */
  get size(): number {
    return this.#names.size
  }

  /**
   * Calls `resolved` once, unless the function that it returns is called first: that ends the wait. The
   * failure is `resolve_failed`, with the system's error as its cause; `local_exhaustion`, where this machine
   * lacks what a lookup takes; or `resolve_timeout`, for a lookup that others have waited for longer than
   * `timeoutMs` already. Later than that the caller gives up by itself.
   */
  resolve(text: string, timeoutMs: number, resolved: Resolved): () => void {
    if (/^localhost\.?$/i.test(text)) return later(resolved, null, LOOPBACK)
    const nowMs = this.clock.nowMs()
    const name = this.#names.get(text) ?? this.#remember(text, nowMs)
    if (nowMs < name.freshUntilMs) return later(resolved, name.failure, name.addresses)
    if (name.askedMs === undefined) this.#ask(name, nowMs)
    const waitedMs = nowMs - (name.askedMs ?? nowMs)
    if (waitedMs >= SLOW_MS && isStillUsable(name, nowMs)) return later(resolved, null, name.addresses)
    if (waitedMs >= timeoutMs) return later(resolved, new SessionEnd("resolve_timeout"), [])
    name.waiting.add(resolved)
    return () => this.#leave(name, resolved)
  }

  #remember(text: string, nowMs: number): Name {
    const name: Name = {
      text,
      waiting: new Set(),
      addresses: [],
      foundMs: nowMs,
      failure: null,
      endedMs: nowMs,
      tookMs: 0,
      freshUntilMs: nowMs,
    }
    this.#names.set(text, name)
    return name
  }

  #ask(name: Name, nowMs: number): void {
    name.askedMs = nowMs
    this.#queue.add(name)
    const useStale = () => {
      if (isStillUsable(name, this.clock.nowMs())) tell(name, null, name.addresses)
    }
    name.staleTimer = this.clock.after(SLOW_MS, useStale).unref()
    this.#startNext()
  }

  #leave(name: Name, resolved: Resolved): void {
    name.waiting.delete(resolved)
    // A lookup in flight can't be cancelled; one that has not begun need not begin.
    if (name.waiting.size > 0 || !this.#queue.delete(name)) return
    name.askedMs = undefined
    name.staleTimer?.cancel()
  }

  #startNext(): void {
    for (let name = this.#pick(); name !== undefined; name = this.#pick()) this.#start(name)
  }

  /** The queued name whose last lookup was the quickest, if there is a place for it. */
  #pick(): Name | undefined {
    const free = this.places - this.#inFlight
    if (free === 0) return undefined
    const [first, ...others] = this.#queue
    const next = others.reduce((best, name) => (best && name.tookMs < best.tookMs ? name : best), first)
    const isSlow = next !== undefined && next.tookMs >= SLOW_MS
    return isSlow && free === 1 && this.places > 1 ? undefined : next
  }

  #start(name: Name): void {
    this.#queue.delete(name)
    this.#inFlight++
    const startedMs = this.clock.nowMs()
    this.lookup(name.text, (error, addresses = []) => {
      this.#inFlight--
      const nowMs = this.clock.nowMs()
      name.tookMs = nowMs - startedMs
      this.#settle(name, nowMs, error, addresses)
      this.#forget(nowMs)
      this.#startNext()
      tell(name, name.failure, name.addresses)
    })
  }

  #settle(name: Name, nowMs: number, error: Error | null, addresses: readonly LookupAddress[]): void {
    name.askedMs = undefined
    name.staleTimer?.cancel()
    name.endedMs = nowMs
    name.freshUntilMs = nowMs + FRESH_MS
    name.failure = null
    if (error === null) {
      name.addresses = addresses
      name.foundMs = nowMs
    } else if (isLocalFault(error)) {
      name.failure = new SessionEnd("local_exhaustion", "", error)
      // It may be over by now, and is nothing about the name.
      name.freshUntilMs = nowMs
    } else if (isUnknownName(error) || !isStillUsable(name, nowMs)) {
      name.failure = new SessionEnd("resolve_failed", "", error)
      name.addresses = []
    }
  }

  #forget(nowMs: number): void {
    for (const [text, { askedMs, endedMs }] of this.#names) {
      if (askedMs === undefined && nowMs - endedMs >= STALE_MS) this.#names.delete(text)
    }
  }
}

/** Whether the name does not exist. After any other failure that is unknown. */
export function isUnknownName(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | undefined)?.code === "ENOTFOUND"
}

/** Whether the addresses that were found last may be used although they are not fresh. */
function isStillUsable({ addresses, foundMs }: Name, nowMs: number): boolean {
  return addresses.length > 0 && nowMs - foundMs < STALE_MS
}

function tell({ waiting }: Name, failure: SessionEnd | null, addresses: readonly LookupAddress[]): void {
  const all = [...waiting]
  waiting.clear()
  for (const resolved of all) resolved(failure, addresses)
}

function later(
  resolved: Resolved,
  failure: SessionEnd | null,
  addresses: readonly LookupAddress[],
): () => void {
  let isWanted = true
  process.nextTick(() => {
    if (isWanted) resolved(failure, addresses)
  })
  return () => {
    isWanted = false
  }
}

/** How many lookups libuv runs concurrently: half of its threads, rounded up. */
export function lookupPlaces(threads = process.env.UV_THREADPOOL_SIZE): number {
  return Math.max(1, Math.floor(((Number(threads ?? 4) || 1) + 1) / 2))
}

/** Shared by the whole process, because libuv's threads are. */
export const RESOLVER = new Resolver(
  lookupPlaces(),
  (name, callback) => dns.lookup(name, { all: true }, callback),
  systemClock,
)
