/** The live sessions of a listener, for drain, admin and metrics. */
import type { CloseReason, Stage } from "../close-reason.js"
import type { SessionSummary } from "../ops/session-summary.js"
import type { Backend } from "../pool/backend.js"
import { LinkedSet } from "../shared/linked-set.js"

export interface LiveSession {
  /** Unique within the listener. */
  readonly id: number
  /** "closing": reported as ended; a refused client has yet to close. */
  readonly stage: Stage | "closing"
  /** By the listener's clock. */
  readonly startedMs: number
  /** The tunnel's backend; absent before there is a tunnel. */
  readonly backend?: Backend | undefined
  /** What is known about it so far. The byte counts are those of the end. */
  readonly summary: Readonly<SessionSummary>
  /** Bytes of the tunnel so far, without the head. */
  readonly bytesFromClient: number
  readonly bytesFromBackend: number
  /**
   * Ends the session, whatever it is waiting for. It leaves the registry once its sockets are gone; with
   * `close_frames` a tunnel takes up to about a second for that.
   */
  close(reason: CloseReason): void
  /** The same without waiting for the peers' replies, also for a tunnel that is being closed. */
  cut(reason: CloseReason): void
}

export class SessionRegistry implements Iterable<LiveSession> {
  readonly #sessions = new LinkedSet<LiveSession>()
  #waiting: (() => void)[] = []
  #closesNewFor: CloseReason | undefined
  #lastId = 0

  /** @param onLeft called with each session that has been deleted */
  constructor(private readonly onLeft: (session: LiveSession) => void = () => {}) {}

  get size(): number {
    return this.#sessions.size
  }

  nextId(): number {
    return ++this.#lastId
  }

  add(session: LiveSession): void {
    this.#sessions.add(session)
    const reason = this.#closesNewFor
    // Not before the session has begun.
    if (reason !== undefined) queueMicrotask(() => session.cut(reason))
  }

  /** Sessions that are added from now on are closed at once. */
  closeNew(reason: CloseReason): void {
    this.#closesNewFor = reason
  }

  delete(session: LiveSession): void {
    this.#sessions.delete(session)
    this.onLeft(session)
    if (this.#sessions.size > 0) return
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  cutAll(reason: CloseReason): void {
    for (const session of this.#sessions) session.cut(reason)
  }

  /** Resolves when no session is left. */
  untilEmpty(): Promise<void> {
    if (this.#sessions.size === 0) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  [Symbol.iterator](): Iterator<LiveSession> {
    return this.#sessions[Symbol.iterator]()
  }
}
