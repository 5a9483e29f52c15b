/** The end of a session that gets an HTTP answer instead of a tunnel. */
import { CLOSE_REASONS, type SessionEnd } from "../close-reason.js"
import { writeRefusal } from "../http/refusal.js"
import type { Connection } from "../net/connection.js"

/** How long to read and discard what the client still sends, so that a reset does not destroy our response. */
const LINGER_MS = 2000

/**
 * Answers with the status of the error's reason, if it has one, and closes. Resolves once the socket is gone.
 * @param lingers whether to wait for the client to close first, for up to 2 s. Without it the response is lost where the
 *   client is still sending
 */
export function refuse(client: Connection, error: SessionEnd, lingers: boolean): Promise<void> {
  const { status } = CLOSE_REASONS[error.reason]
  if (status !== undefined) {
    client.socket.write(writeRefusal(error.reason, status, error.message, new Date()), "latin1")
  }
  return new Promise((resolve) => {
    const deadline = lingers ? setTimeout(() => client.close(error), LINGER_MS) : undefined
    client.attach({
      onBytes() {},
      onEnd() {},
      onDrain() {},
      onClose() {
        clearTimeout(deadline)
        resolve()
      },
    })
    if (lingers) client.socket.end()
    else client.close(error)
  })
}
