/** What a pool at work reports. Its methods must not throw. */
import type { Backend } from "./backend.js"
import type { HealthChange } from "./health.js"
import type { ProbeFault } from "./probe.js"

export interface PoolObserver {
  /** A backend went down or came up. */
  onHealthChange(change: HealthChange): void
  /**
   * The tunnels of a backend must be closed: it is down or has been removed, and `on_backend_down` says so.
   */
  onCloseTunnels(backend: Backend): void
  /** A health check failed because of this machine or a name server. It says nothing about the backend. */
  onUncheckable(backend: string, fault: ProbeFault): void
  /** A health check threw: a defect of rws. */
  onCheckDefect(backend: string, error: unknown): void
}

/** For pools without health checks, whose backends nobody watches. */
export const UNOBSERVED: PoolObserver = {
  onHealthChange() {},
  onCloseTunnels() {},
  onUncheckable() {},
  onCheckDefect() {},
}
