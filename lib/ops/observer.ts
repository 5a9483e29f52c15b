/** What happens in a proxy. Sessions and listeners tell one observer; nothing else knows who listens. */
import type { Address } from "../address/address.js"
import type { SessionEnd } from "../close-reason.js"
import type { EndedSession, SessionSummary } from "./session-summary.js"

export interface Observer {
  /** A listener is bound. `backends` are those of its own pool, if it has one. */
  listening(listener: string, address: Address, backends: readonly string[] | undefined): void
  /** A listener has drained. */
  stopped(listener: string): void
  /** A client could not be accepted, for lack of descriptors for example. */
  acceptFailed(listener: string, error: Error): void
  /** The client has got its 101. */
  tunnelOpened(session: Readonly<SessionSummary>): void
  /** A session has ended, with or without a tunnel. Called once for every session. */
  sessionEnded(session: Readonly<EndedSession>, end: SessionEnd): void
  /** A backend could not be dialled, and the session tries another. */
  dialFailed(listener: string, backend: string, end: SessionEnd): void
}

/** One observer that passes everything on to several, each of which implements what it needs. */
export class Observers implements Observer {
  constructor(private readonly observers: readonly Partial<Observer>[]) {}

  listening(listener: string, address: Address, backends: readonly string[] | undefined): void {
    for (const observer of this.observers) observer.listening?.(listener, address, backends)
  }

  stopped(listener: string): void {
    for (const observer of this.observers) observer.stopped?.(listener)
  }

  acceptFailed(listener: string, error: Error): void {
    for (const observer of this.observers) observer.acceptFailed?.(listener, error)
  }

  tunnelOpened(session: Readonly<SessionSummary>): void {
    for (const observer of this.observers) observer.tunnelOpened?.(session)
  }

  sessionEnded(session: Readonly<EndedSession>, end: SessionEnd): void {
    for (const observer of this.observers) observer.sessionEnded?.(session, end)
  }

  dialFailed(listener: string, backend: string, end: SessionEnd): void {
    for (const observer of this.observers) observer.dialFailed?.(listener, backend, end)
  }
}
