/** Passes a backend's refusal on to the client: the head with its connection fields rewritten, the body as it comes. */
import { asSessionEnd, type CloseReason, SessionEnd } from "../close-reason.js"
import { BodyEnd } from "../http/llhttp.js"
import { forwardRefusal } from "../upgrade/forward.js"
import type { Answer } from "./handshake.js"
import type { Peer } from "./peer.js"

/**
 * Resolves once the client has been given the whole answer, with the connection to the backend closed and the client's
 * still open. Rejects with a `SessionEnd` when either side is gone before or the body is not
 * complete after `timeoutMs`; then both are gone, and the client has seen a reset instead of an end.
 */
export async function relay(client: Peer, backend: Peer, answer: Answer, timeoutMs: number): Promise<void> {
  const body = new BodyEnd(answer.bytes)
  const deadline = setTimeout(
    () => backend.reset(new SessionEnd("relay_cut", "not complete in time")),
    timeoutMs,
  )
  try {
    client.socket.write(forwardRefusal(answer.head), "latin1")
    client.unfinished = !body.complete
    if (!body.complete) await passBody(client, backend, body)
    client.unfinished = false
    backend.close(new SessionEnd("refused_by_backend"))
  } catch (error) {
    const end = asSessionEnd(error, "relay_cut")
    backend.reset(end)
    client.reset(end)
    throw end
  } finally {
    clearTimeout(deadline)
    body.free()
    client.release()
    backend.release()
  }
}

function passBody(client: Peer, backend: Peer, body: BodyEnd): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (reason: CloseReason, error?: Error) => reject(asSessionEnd(error, reason))
    client.own({
      onBytes() {},
      onEnd() {},
      onDrain: () => backend.socket.resume(),
      onClose: (error) => fail("client_left_in_relay", error),
    })
    backend.own({
      onBytes(bytes) {
        const length = body.complete ? 0 : body.read(bytes)
        if (length < 0) return fail("relay_cut")
        const more = client.socket.write(Buffer.from(bytes.subarray(0, length)))
        if (body.complete) resolve()
        else if (!more) backend.socket.pause()
      },
      onEnd() {
        if (body.endsHere()) resolve()
        else fail("relay_cut")
      },
      onDrain() {},
      onClose: (error) => fail("relay_cut", error),
    })
  })
}
