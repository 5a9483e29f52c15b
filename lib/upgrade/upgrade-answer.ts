/** Is this 101 the answer to our request? RFC 6455 §4.1, the checks that a client must make, made before it sees it. */
import { SessionEnd } from "../close-reason.js"
import { listOf, type ResponseHead, valuesOf } from "../http/head.js"
import { acceptKey } from "./accept-key.js"
import { isNeverHopByHop } from "./upgrade-request.js"

/** Checks a backend's 101 against the key that it must answer. Throws a `SessionEnd`. */
export function checkUpgradeAnswer({ version, fields }: ResponseHead, key: string): void {
  if (version !== "HTTP/1.1") throw new SessionEnd("bad_accept", `it is ${version}`)
  if (listOf(fields, "upgrade").join() !== "websocket") {
    throw new SessionEnd("bad_accept", "its Upgrade field is not websocket")
  }
  const connection = listOf(fields, "connection")
  if (!connection.includes("upgrade")) {
    throw new SessionEnd("bad_accept", "its Connection field does not list upgrade")
  }
  if (connection.some(isNeverHopByHop)) {
    throw new SessionEnd("bad_accept", "its Connection field names a field that is not hop-by-hop")
  }
  if (valuesOf(fields, "sec-websocket-accept").join() !== acceptKey(key)) {
    throw new SessionEnd("bad_accept", "its Sec-WebSocket-Accept does not match the key")
  }
}
