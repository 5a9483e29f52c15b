/**
 * Counts what happens at one listener in one thread. A session costs a few additions and nothing per chunk;
 * the main thread reads the rows of all threads when `/metrics` is requested.
 */
import type { SessionEnd } from "../close-reason.js"
import type { Observer } from "../ops/observer.js"
import type { EndedSession, SessionSummary } from "../ops/session-summary.js"
import { add, observe } from "./buckets.js"
import { BUCKETS, CELL, type Duration, HISTOGRAM_CELL, REASON_CELL } from "./meter-cells.js"

export class Meter implements Partial<Observer> {
  /** @param row laid out by `meter-cells.ts`. This meter is its only writer, and it outlives this thread */
  constructor(private readonly row: Float64Array) {}

  /** A client has been accepted. */
  sessionStarted(): void {
    add(this.row, CELL.sessions, 1)
  }

  acceptFailed(): void {
    add(this.row, CELL.acceptFailures, 1)
  }

  /** A tunnel may last for days, so the stages before it are counted now. */
  tunnelOpened(session: Readonly<SessionSummary>): void {
    add(this.row, CELL.tunnels, 1)
    this.#observeStages(session)
  }

  sessionEnded(session: Readonly<EndedSession>, { reason }: SessionEnd): void {
    add(this.row, REASON_CELL[reason], 1)
    if (session.tunnelMs === undefined) this.#observeStages(session)
    else this.#observe("tunnel", session.tunnelMs)
  }

  #observeStages({ headMs, dialMs, handshakeMs }: Readonly<SessionSummary>): void {
    this.#observe("head", headMs)
    this.#observe("dial", dialMs)
    this.#observe("handshake", handshakeMs)
  }

  #observe(duration: Duration, milliseconds: number | undefined): void {
    if (milliseconds === undefined) return
    observe(this.row, HISTOGRAM_CELL[duration], BUCKETS[duration], milliseconds)
  }
}
