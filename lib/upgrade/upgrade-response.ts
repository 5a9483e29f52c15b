/** Is this 101 the answer to our request? RFC 6455 §4.1, the checks that a client must make, made before it sees it. */
import { SessionEnd } from "../close-reason.js"
import { listOf, type ResponseHead, valuesOf } from "../http/head.js"
import { isNeverHopByHop } from "../http/hop-by-hop.js"
import { acceptKey } from "./accept-key.js"

/**
 * Checks a backend's 101 against the request that it must answer. Throws a `SessionEnd`.
 * @param key the request's Sec-WebSocket-Key
 * @param offered the subprotocols that the backend was offered, of which it may choose one. Where it is left out, the
 * client's offer went on as it was, and the client judges the choice itself
 */
export function checkUpgradeResponse(
  { version, fields }: ResponseHead,
  key: string,
  offered?: readonly string[],
): void {
  if (version !== "HTTP/1.1") throw new SessionEnd("bad_101", `it is ${version}`)
  if (listOf(fields, "upgrade").join() !== "websocket") {
    throw new SessionEnd("bad_101", "its Upgrade field is not websocket")
  }
  const connection = listOf(fields, "connection")
  if (!connection.includes("upgrade")) {
    throw new SessionEnd("bad_101", "its Connection field does not list upgrade")
  }
  if (connection.some(isNeverHopByHop)) {
    throw new SessionEnd("bad_101", "its Connection field names a field that is not hop-by-hop")
  }
  if (valuesOf(fields, "sec-websocket-accept").join() !== acceptKey(key)) {
    throw new SessionEnd("bad_101", "its Sec-WebSocket-Accept does not match the key")
  }
  if (offered !== undefined) checkChoice(valuesOf(fields, "sec-websocket-protocol"), offered)
}

/** RFC 6455 §4.1: at most one, and one of those that were offered. Their case counts. */
function checkChoice([chosen, ...more]: readonly string[], offered: readonly string[]): void {
  if (chosen === undefined) return
  if (more.length > 0) throw new SessionEnd("bad_101", "it has more than one Sec-WebSocket-Protocol")
  if (!offered.includes(chosen)) {
    throw new SessionEnd("bad_101", "its Sec-WebSocket-Protocol is not one that was offered")
  }
}
