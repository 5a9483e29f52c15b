/**
 * Validates a backend's 101 with the checks that RFC 6455 §4.1 requires of a client, before the client sees
 * it.
 */
import { SessionEnd } from "../close-reason.js"
import { listOf, type ResponseHead, valuesOf } from "../http/head.js"
import { isNeverHopByHop } from "../http/hop-by-hop.js"
import { acceptKey } from "./accept-key.js"

/**
 * Checks a 101 against its request. Throws a `SessionEnd`.
 * @param key the request's Sec-WebSocket-Key
 * @param offered the subprotocols that the backend was offered. Default: the client's own offer was forwarded
 *   unchanged, so the client checks the backend's choice itself
 */
export function checkUpgradeResponse(
  { version, fields }: ResponseHead,
  key: string,
  offered?: readonly string[],
): void {
  if (version !== "HTTP/1.1") throw new SessionEnd("bad_101", `got ${version}`)
  if (listOf(fields, "upgrade").join() !== "websocket") {
    throw new SessionEnd("bad_101", "Upgrade is not websocket")
  }
  const connection = listOf(fields, "connection")
  if (!connection.includes("upgrade")) {
    throw new SessionEnd("bad_101", "Connection does not list upgrade")
  }
  if (connection.some(isNeverHopByHop)) {
    throw new SessionEnd("bad_101", "Connection names a field that is not hop-by-hop")
  }
  if (valuesOf(fields, "sec-websocket-accept").join() !== acceptKey(key)) {
    throw new SessionEnd("bad_101", "Sec-WebSocket-Accept does not match the key")
  }
  if (offered !== undefined) checkChoice(valuesOf(fields, "sec-websocket-protocol"), offered)
}

/** RFC 6455 §4.1: at most one subprotocol, and only an offered one. Names are case-sensitive. */
function checkChoice([chosen, ...more]: readonly string[], offered: readonly string[]): void {
  if (chosen === undefined) return
  if (more.length > 0) throw new SessionEnd("bad_101", "more than one Sec-WebSocket-Protocol")
  if (!offered.includes(chosen)) {
    throw new SessionEnd("bad_101", "Sec-WebSocket-Protocol was not offered")
  }
}
