/** The library's events. */
import type { EventEmitter } from "node:events"
import type { SessionEnd } from "../close-reason.js"
import type { Observer } from "../ops/observer.js"
import type { EndedSession, OpenedSession, RefusedSession, SessionSummary } from "../ops/session-summary.js"

/**
 * Each session has one `end` or one `refuse`; one that became a tunnel has an `open` before its `end`. Only
 * the sessions of a worker thread that dies have no end.
 */
export interface ProxyEvents {
  /** A tunnel has begun. */
  open: [session: Readonly<OpenedSession>]
  /** A session has ended without a refusal by rws: a tunnel, a relayed response, or a peer that closed. */
  end: [session: Readonly<EndedSession>]
  /** rws has refused the client with an HTTP status. */
  refuse: [session: Readonly<RefusedSession>]
}

/** Emits each event in a tick of its own, so that an error in a user's handler does not hit the session. */
export class SessionEvents implements Partial<Observer> {
  constructor(private readonly emitter: EventEmitter<ProxyEvents>) {}

  tunnelOpened(session: Readonly<SessionSummary>): void {
    if (this.emitter.listenerCount("open") === 0) return
    // These fields are set by the stages before a tunnel.
    const opened = { ...session } as OpenedSession
    process.nextTick(() => this.emitter.emit("open", opened))
  }

  sessionEnded(session: Readonly<EndedSession>, { status }: SessionEnd): void {
    if (this.emitter.listenerCount(status === undefined ? "end" : "refuse") === 0) return
    process.nextTick(() => {
      if (status === undefined) this.emitter.emit("end", session)
      else this.emitter.emit("refuse", { ...session, status })
    })
  }
}
