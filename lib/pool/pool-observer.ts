/** What a pool at work reports. Its methods must not throw. */
import type { HealthChange } from "./health.js"
import type { ProbeFault } from "./probe.js"

export interface PoolObserver {
  /** A backend went down or came up. */
  onHealthChange(change: HealthChange): void
  /** A health check failed because of this machine or a name server. It says nothing about the backend. */
  onUncheckable(backend: string, fault: ProbeFault): void
  /** A health check threw: a defect of rws. */
  onCheckDefect(backend: string, error: unknown): void
}
