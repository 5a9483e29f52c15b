/**
 * One exchange with a backend: writes a request and reads the final response head. Handshakes and probes use
 * it.
 */
import type { ResponseHead } from "../http/head.js"
import { type Clock, systemClock } from "../shared/clock.js"
import type { Connection } from "./connection.js"
import { RESPONSE, readHead } from "./read-head.js"

/** For all heads of one response together, including interim ones. */
const MAX_RESPONSE_BYTES = 16 * 1024

/**
 * Resolves to the final response, a 101 or any status from 200 on; bytes behind its head stay with the
 * connection. Rejects with a `SessionEnd`; the caller then closes the connection.
 * @param request a complete head in Latin-1
 * @param timeoutMs from sending the request until the response head is complete
 */
export function exchange(
  backend: Connection,
  request: string,
  timeoutMs: number,
  clock: Clock = systemClock,
): Promise<ResponseHead> {
  backend.socket.write(request, "latin1")
  return readHead(backend, RESPONSE, { maxBytes: MAX_RESPONSE_BYTES, timeoutMs }, clock)
}
