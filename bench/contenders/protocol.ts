/**
 * What clients and the backend have agreed on. Neither needs frames, and only one variant of rws looks
 * for them in a tunnel.
 */

/** What the backend does in a tunnel, by the path of its request. */
export type Path =
  /** Sends back what it gets. */
  | "/echo"
  /** Like `/echo`, and sends `GREETING` in one write with the 101. */
  | "/greet"
  /** Sends `LATE` once the client has sent FIN. */
  | "/late"
  /** Answers with the number of connections that the backend has, in decimal. */
  | "/open"
  /** Sends a block for every byte it gets. */
  | "/source"
  /** Sends a byte for every block it gets. */
  | "/sink"

export const BLOCK_BYTES = 2 * 1024 * 1024
export const GREETING = "the first bytes behind the 101"
export const LATE = "the answer to a client that has half-closed"

export const HEAD_END = "\r\n\r\n"

/** The `Sec-WebSocket-Key` of every client. */
export const KEY = "dGhlIHNhbXBsZSBub25jZQ=="
/** The `Sec-WebSocket-Accept` that answers it (RFC 6455 §1.3). */
export const ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

/** The head of the backend's 101. */
export function upgradeResponse(accept = ACCEPT): string {
  return (
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
    `Sec-WebSocket-Accept: ${accept}\r\n\r\n`
  )
}
