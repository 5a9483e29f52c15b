/** The end of a session that gets an HTTP answer instead of a tunnel. */
import { CLOSE_REASONS, type SessionEnd } from "../close-reason.js"
import { writeRefusal } from "../http/refusal.js"
import type { Peer } from "./peer.js"

/** How long to read and discard what the client still sends, so that a reset does not destroy our response. */
const LINGER_MS = 2000

/** Answers with the status of the error's reason, if it has one, and closes. Resolves once the socket is gone. */
export function refuse(client: Peer, error: SessionEnd): Promise<void> {
  const { status } = CLOSE_REASONS[error.reason]
  if (status !== undefined) {
    client.socket.write(writeRefusal(error.reason, status, error.message, new Date()), "latin1")
  }
  return linger(client, error)
}

/** Sends FIN behind what has been written and waits, for a bounded time, until the client has closed as well. */
function linger(client: Peer, error: SessionEnd): Promise<void> {
  return new Promise((resolve) => {
    const deadline = setTimeout(() => client.close(error), LINGER_MS)
    client.own({
      onBytes() {},
      onEnd() {},
      onDrain() {},
      onClose() {
        clearTimeout(deadline)
        resolve()
      },
    })
    client.socket.end()
  })
}
