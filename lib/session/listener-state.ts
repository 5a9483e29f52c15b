/**
 * What the sessions of one listener share: settings, which a reload replaces, and state, which survives it.
 */
import type { Address } from "../address/address.js"
import type { SessionKeys } from "../config/listener-schema.js"
import type { ClientLimits } from "../limits/client-limits.js"
import type { SocketPlaces } from "../limits/descriptors.js"
import type { Places } from "../limits/places.js"
import type { Sweep } from "../net/sweep.js"
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

export interface ListenerState {
  /** The settings for new sessions. */
  readonly settings: ListenerSettings
  /** The bound address. */
  readonly address: Address
  readonly sessions: SessionRegistry
  /** `max_connections`. */
  readonly connections: Places
  /** `max_pending`. */
  readonly pending: Places
  /** Limits per client address. */
  readonly clients: ClientLimits
  /** The process's limit of open files. */
  readonly sockets: SocketPlaces
  readonly sweep: Sweep
  readonly observer: Observer
  readonly clock: Clock
}
