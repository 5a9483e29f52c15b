/** What a stage may see and change of its session. `session.ts` implements it. */
import type { Stage } from "../close-reason.js"
import type { Place } from "../limits/places.js"
import type { Connection } from "../net/connection.js"
import type { SessionSummary } from "../ops/session-summary.js"
import type { ListenerSettings, ListenerState } from "./listener-state.js"

/** The upstream work of a session: a dial, then the connection that it led to. */
export interface Upstream {
  close(error: Error): void
}

export interface StageContext {
  readonly client: Connection
  readonly listener: ListenerState
  readonly settings: ListenerSettings
  readonly summary: SessionSummary
  /**
   * Closed when the client aborts and when the session ends. A stage sets it as soon as it begins upstream
   * work.
   */
  upstream: Upstream | undefined
  /**
   * Moves on to a stage. Throws a `SessionEnd` if it has upstream work and the client has closed meanwhile.
   */
  enter(stage: Stage): void
  /**
   * Keeps an acquired place (a `Backend` is one, too) until the session releases it, at its end at the
   * latest.
   */
  hold(place: Place): void
  release(place: Place): void
}
