/**
 * One exchange with a backend: writes a request and reads the final response head. Handshakes and probes use
 * it.
 */
import { parseResponseHead, type ResponseHead } from "../http/head.js"
import { type Clock, systemClock } from "../shared/clock.js"
import type { Connection } from "./connection.js"
import { parseHead, RESPONSE_FAULTS, readHead } from "./read-head.js"

export interface BackendResponse {
  readonly head: ResponseHead
  /** The head as received. */
  readonly bytes: Buffer
}

/** For all heads of one response together, including interim ones. */
const MAX_RESPONSE_BYTES = 16 * 1024

/**
 * Resolves to the final response, a 101 or any status from 200 on. Interim responses (RFC 9110 §15.2) are
 * skipped; bytes behind the head stay with the connection. Rejects with a `SessionEnd`; the caller then
 * closes the connection.
 * @param request a complete head in Latin-1
 * @param timeoutMs from sending the request until the response head is complete
 */
export async function exchange(
  backend: Connection,
  request: string,
  timeoutMs: number,
  clock: Clock = systemClock,
): Promise<BackendResponse> {
  const deadlineMs = clock.nowMs() + timeoutMs
  backend.socket.write(request, "latin1")
  for (let bytesLeft = MAX_RESPONSE_BYTES; ; ) {
    const limits = { maxBytes: bytesLeft, timeoutMs: Math.max(1, deadlineMs - clock.nowMs()) }
    const bytes = await readHead(backend, "response", limits, RESPONSE_FAULTS, clock)
    bytesLeft -= bytes.length
    const head = parseHead(bytes, parseResponseHead, RESPONSE_FAULTS)
    if (head.status >= 200 || head.status === 101) return { head, bytes }
  }
}
