/**
 * Counts the bytes of a listener's tunnels, in all and by backend, while they live. It costs nothing per
 * chunk: every 2 seconds it walks the sessions of this thread and adds up the bytes that each has moved so
 * far.
 */
import type { Backend } from "../pool/backend.js"
import type { LiveSession, SessionRegistry } from "../session/registry.js"
import type { Clock, Timer } from "../shared/clock.js"
import { add } from "./buckets.js"
import { CELL } from "./meter-cells.js"

/** From the end of one walk to the next. The counters are older by the time that a walk takes. */
export const WALK_INTERVAL_MS = 2000

/** Sessions visited without a pause. Each takes about 0.2 µs, and tunnels wait meanwhile. */
const SLICE = 2000
/** Pause between two slices, in which tunnels are served. */
const PAUSE_MS = 1

interface Bytes {
  fromClient: number
  fromBackend: number
}

export class LiveBytes {
  /** Sessions without a tunnel have no backend, and no bytes. */
  readonly #tallies = new Map<Backend | undefined, Tally>()
  #lastVisited = 0
  #walk: Iterator<LiveSession> | undefined
  #timer: Timer

  /**
   * @param row where the sums are added; see `meter-cells.ts`. The row of a thread that died is continued by
   * its replacement
   * @param sessions in the order of their ids
   */
  constructor(
    private readonly row: Float64Array,
    private readonly sessions: SessionRegistry,
    private readonly clock: Clock,
  ) {
    this.#timer = this.#later(WALK_INTERVAL_MS)
  }

  /** A session has left the registry. */
  left(session: LiveSession): void {
    const isVisited = this.#walk !== undefined && session.id <= this.#lastVisited
    const tally = this.#tallyOf(session.backend)
    count(isVisited ? tally.late : tally.past, session)
  }

  /** The last session has left. */
  stop(): void {
    this.#timer.cancel()
    this.#walk?.return?.()
    this.#walk = undefined
    for (const [backend, tally] of this.#tallies) this.#publish(backend, tally.abandonWalk())
  }

  #later(ms: number): Timer {
    return this.clock.after(ms, () => this.#continue()).unref()
  }

  /** Visits the next sessions. New sessions are appended behind them, so the walk reaches those too. */
  #continue(): void {
    this.#walk ??= this.sessions[Symbol.iterator]()
    for (let visits = 0; visits < SLICE; visits++) {
      const { done, value } = this.#walk.next()
      if (done === true) {
        this.#finishWalk()
        return
      }
      this.#lastVisited = value.id
      const tally = this.#tallyOf(value.backend)
      tally.visits++
      count(tally.visited, value)
    }
    this.#timer = this.#later(PAUSE_MS)
  }

  #finishWalk(): void {
    for (const [backend, tally] of this.#tallies) {
      // Nothing is left to publish, and the backend may be gone.
      const isIdle = tally.visits === 0 && tally.late.fromClient + tally.late.fromBackend === 0
      this.#publish(backend, tally.finishWalk())
      if (isIdle) this.#tallies.delete(backend)
    }
    this.#lastVisited = 0
    this.#walk = undefined
    this.#timer = this.#later(WALK_INTERVAL_MS)
  }

  #tallyOf(backend: Backend | undefined): Tally {
    const known = this.#tallies.get(backend)
    if (known !== undefined) return known
    const tally = new Tally()
    this.#tallies.set(backend, tally)
    return tally
  }

  #publish(backend: Backend | undefined, { fromClient, fromBackend }: Readonly<Bytes>): void {
    add(this.row, CELL.bytesFromClient, fromClient)
    add(this.row, CELL.bytesFromBackend, fromBackend)
    backend?.addBytes(fromClient, fromBackend)
  }
}

/** The bytes of one backend's tunnels. */
class Tally {
  /** Of sessions that have left. */
  readonly past: Bytes = { fromClient: 0, fromBackend: 0 }
  /** Of sessions that this walk has visited. */
  readonly visited: Bytes = { fromClient: 0, fromBackend: 0 }
  /** Of sessions that have left since this walk visited them: it has counted them already. */
  readonly late: Bytes = { fromClient: 0, fromBackend: 0 }
  /** Sessions that this walk has visited. */
  visits = 0
  readonly #published: Bytes = { fromClient: 0, fromBackend: 0 }

  /** Every session has been counted once, so the sums never go back. Returns what is new in them. */
  finishWalk(): Bytes {
    const news = this.#advance(
      this.past.fromClient + this.visited.fromClient,
      this.past.fromBackend + this.visited.fromBackend,
    )
    this.#addLate()
    return news
  }

  /** The same without the sessions that the walk has visited: all have left. */
  abandonWalk(): Bytes {
    this.#addLate()
    return this.#advance(this.past.fromClient, this.past.fromBackend)
  }

  #advance(fromClient: number, fromBackend: number): Bytes {
    const before = this.#published
    const news = { fromClient: fromClient - before.fromClient, fromBackend: fromBackend - before.fromBackend }
    Object.assign(before, { fromClient, fromBackend })
    return news
  }

  #addLate(): void {
    this.past.fromClient += this.late.fromClient
    this.past.fromBackend += this.late.fromBackend
    for (const bytes of [this.visited, this.late]) Object.assign(bytes, { fromClient: 0, fromBackend: 0 })
    this.visits = 0
  }
}

function count(
  bytes: Bytes,
  { bytesFromClient, bytesFromBackend }: Pick<LiveSession, "bytesFromClient" | "bytesFromBackend">,
): void {
  bytes.fromClient += bytesFromClient
  bytes.fromBackend += bytesFromBackend
}
