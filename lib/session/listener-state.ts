/**
 * What the sessions of one listener share: settings, which a reload replaces, and state, which survives it.
 */
import type { Address } from "../address/address.js"
import type { SessionKeys } from "../config/listener-schema.js"
import type { ClientLimits } from "../limits/client-limits.js"
import type { ListenerLimits } from "../limits/listener-limits.js"
import type { Sweep } from "../net/sweep.js"
import type { LogDetail } from "../ops/log-detail.js"
import type { Observer } from "../ops/observer.js"
import type { Pool } from "../pool/pool.js"
import type { Router } from "../routing/router.js"
import type { Clock } from "../shared/clock.js"
import type { SessionRegistry } from "./registry.js"
import type { RouteTarget } from "./route-target.js"

/** Immutable: the keys of a `[[ws_proxy]]`, parsed. A session reads them once, when it begins. */
export interface ListenerSettings extends SessionKeys {
  /** Name in logs and events. */
  readonly name: string
  readonly router: Router<RouteTarget>
  /** The listener's own pool, for requests that no route matches. */
  readonly ownPool: Pool | undefined
}

export interface ListenerState extends ListenerLimits {
  /** The settings for new sessions. */
  readonly settings: ListenerSettings
  /** The bound address. */
  readonly address: Address
  readonly sessions: SessionRegistry
  /** It is about to stop, though it may still accept. */
  readonly isDraining: boolean
  /** Limits per client address. */
  readonly clients: ClientLimits
  readonly sweep: Sweep
  readonly observer: Observer
  /** What the observer is told of sessions between their begin and their end. */
  readonly detail: LogDetail
  readonly clock: Clock
}
