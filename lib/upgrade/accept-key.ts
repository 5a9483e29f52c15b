/** Computes Sec-WebSocket-Accept. */
import { hash } from "node:crypto"

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

/** The `Sec-WebSocket-Accept` value for a `Sec-WebSocket-Key` (RFC 6455 §4.2.2 step 5.4). */
export function acceptKey(key: string): string {
  return hash("sha1", key + GUID, "base64")
}
