/**
 * Ends a session that has no tunnel: refuses the client, if its reason has a status, and closes the
 * connection.
 */
import type { SessionEnd } from "../close-reason.js"
import { writeOwnResponse, writeRefusal } from "../http/refusal.js"
import type { SocketPlaces } from "../limits/descriptors.js"
import type { Place } from "../limits/places.js"
import type { Connection, Handler } from "../net/connection.js"
import type { Clock, Timer } from "../shared/clock.js"

/**
 * How long the client's remaining bytes are read and discarded, so that a reset does not destroy our
 * response.
 */
const LINGER_MS = 2000

export interface RefusalPlaces {
  readonly sockets: Pick<SocketPlaces, "lingering">
  readonly clock: Clock
}

/**
 * Calls `onGone` once the socket is gone. Lingers for up to 2 s until the client closes first, if there is a
 * place for that; else the response is lost if the client is still sending.
 */
export function refuse(
  client: Connection,
  end: SessionEnd,
  { sockets: { lingering }, clock }: RefusalPlaces,
  onGone: () => void,
): void {
  const { status, response } = end
  if (response !== undefined) {
    client.socket.write(writeOwnResponse(response, new Date()))
    end.response = undefined
  } else if (status !== undefined) {
    client.socket.write(writeRefusal(end.reason, status, end.message, new Date()), "latin1")
  }
  const lingers = lingering.acquire()
  client.attach(new Discard(client, end, onGone, lingers ? lingering : undefined, clock))
  if (lingers) client.socket.end()
  else client.close(end)
}

class Discard implements Handler {
  readonly #deadline: Timer | undefined

  constructor(
    client: Connection,
    end: SessionEnd,
    private readonly onGone: () => void,
    /** Held until the socket is gone. Absent: it does not linger. */
    private readonly place: Place | undefined,
    clock: Clock,
  ) {
    if (place !== undefined) this.#deadline = clock.after(LINGER_MS, () => client.close(end))
  }

  onBytes(): void {}

  onEnd(): void {}

  onDrain(): void {}

  onClose(): void {
    this.#deadline?.cancel()
    this.place?.release()
    this.onGone()
  }
}
