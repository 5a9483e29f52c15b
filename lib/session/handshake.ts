/** Asks one backend for the upgrade and reads its answer. */
import { SessionEnd, toSessionEnd } from "../close-reason.js"
import { parseResponseHead, type ResponseHead } from "../http/head.js"
import type { Connection } from "../net/connection.js"
import { parseHead, RESPONSE_FAULTS, readHead } from "../net/read-head.js"
import { checkUpgradeResponse } from "../upgrade/upgrade-response.js"

export interface HandshakeOptions {
  /** The request's head as the backend gets it, in Latin-1. */
  readonly head: string
  /** The Sec-WebSocket-Key in it. */
  readonly key: string
  /** The subprotocols in it, where they were restricted: the answer must choose one of them or none. */
  readonly offered?: readonly string[] | undefined
  /** From sending the head until the head of the answer is complete. */
  readonly timeoutMs: number
}

export interface Answer {
  readonly head: ResponseHead
  /** The head as it came in. */
  readonly bytes: Buffer
}

/** For all heads of one answer together, the interim ones too. */
const MAX_ANSWER_BYTES = 16 * 1024

/**
 * Resolves to the backend's answer: a 101 that has been checked against the request, or any other final status. Bytes
 * behind the answer's head stay with the backend. Interim answers (RFC 9110 §15.2) are skipped.
 *
 * Rejects with a `SessionEnd`: a fault of the backend, or `client_aborted_in_handshake` at once when `client` leaves. The
 * caller closes the connection then.
 */
export async function handshake(
  backend: Connection,
  { head: request, key, offered, timeoutMs }: HandshakeOptions,
  client: Connection,
): Promise<Answer> {
  const deadline = performance.now() + timeoutMs
  client.onAbort = (error) => backend.close(toSessionEnd(error, "client_aborted_in_handshake"))
  try {
    if (client.hasAborted) throw new SessionEnd("client_aborted_in_handshake")
    backend.socket.write(request, "latin1")
    for (let bytesLeft = MAX_ANSWER_BYTES; ; ) {
      const limits = { maxBytes: bytesLeft, timeoutMs: Math.max(1, deadline - performance.now()) }
      const bytes = await readHead(backend, "response", limits, RESPONSE_FAULTS)
      bytesLeft -= bytes.length
      const head = parseHead(bytes, parseResponseHead, RESPONSE_FAULTS)
      if (head.status === 101) checkUpgradeResponse(head, key, offered)
      if (head.status >= 200 || head.status === 101) return { head, bytes }
    }
  } finally {
    client.onAbort = undefined
  }
}
