import type { SessionEnd } from "../close-reason.js"
import type { Observer } from "./observer.js"
import type { EndedSession } from "./session-summary.js"

/** Counts the tunnels that a drain has cut. */
export class CutCount implements Partial<Observer> {
  count = 0

  sessionEnded({ tunnelMs }: Readonly<EndedSession>, { reason }: SessionEnd): void {
    if (reason === "drain_timeout" && tunnelMs !== undefined) this.count++
  }
}
