/** The limits that every new session of a listener has to pass, whoever its client is. */
import { type CloseReason, SessionEnd } from "../close-reason.js"
import type { SocketPlaces } from "./descriptors.js"
import type { Place, Places } from "./places.js"

export interface ListenerLimits {
  /** `max_connections`. */
  readonly connections: Places
  /** The process's limit of open files. */
  readonly sockets: SocketPlaces
  /** `max_pending`. */
  readonly pending: Places
}

/**
 * Takes a place of each.
 * @param session keeps them until it ends
 * @throws {SessionEnd} at the first limit that is reached. The session keeps what it has got before
 */
export function acquirePlaces(
  { connections, sockets, pending }: ListenerLimits,
  session: { hold(place: Place): void },
): void {
  session.hold(acquire(connections, "too_many_connections"))
  session.hold(acquire(sockets.sessions, "local_exhaustion", sockets))
  session.hold(acquire(pending, "too_many_pending"))
}

function acquire(places: Places, reason: CloseReason, limit?: SocketPlaces): Place {
  if (!places.acquire()) throw new SessionEnd(reason, "", limit?.toError())
  return places
}
