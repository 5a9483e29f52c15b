/** Counts what happens to the whole process, in the main thread. */
import type { Observer, ReloadSource } from "../ops/observer.js"

export class ProcessCounts implements Partial<Observer> {
  /** Reloads that have taken effect. */
  reloads = 0
  /** Reloads that were refused: the configuration was not valid, or an address could not be bound. */
  reloadFailures = 0
  /** Changes by the admin API that have taken effect. They do not count as reloads. */
  apiChanges = 0
  /** Worker threads that died. */
  workerDeaths = 0
  /** Sessions that were lost with their worker thread. No `sessionEnded` is reported for them. */
  lostSessions = 0

  reloaded(_changes: readonly string[], source: ReloadSource): void {
    if (source === "api") this.apiChanges++
    else this.reloads++
  }

  reloadRefused(): void {
    this.reloadFailures++
  }

  workerEnded(_worker: number, _error: Error, sessions: number): void {
    this.workerDeaths++
    this.lostSessions += sessions
  }
}
