/** Request and response heads for tests, valid unless a test changes them. */
import { acceptKey } from "../../../lib/upgrade/accept-key.js"

export const KEY = "dGhlIHNhbXBsZSBub25jZQ=="
export const CRLF = "\r\n"

/** Field lines by name; undefined leaves a field out, a list repeats it. */
export type Fields = Readonly<Record<string, string | readonly string[] | undefined>>

const REQUEST: Fields = {
  Host: "chat.example",
  Upgrade: "websocket",
  Connection: "Upgrade",
  "Sec-WebSocket-Key": KEY,
  "Sec-WebSocket-Version": "13",
}

/** A valid upgrade request with some fields replaced, left out or added. */
export function upgradeHead(fields: Fields = {}, requestLine = "GET /chat HTTP/1.1"): string {
  return head(requestLine, { ...REQUEST, ...fields })
}

/** A valid 101 for this key, with some fields replaced, left out or added. */
export function answerHead(
  fields: Fields = {},
  key = KEY,
  statusLine = "HTTP/1.1 101 Switching Protocols",
): string {
  return head(statusLine, {
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Sec-WebSocket-Accept": acceptKey(key),
    ...fields,
  })
}

export function head(startLine: string, fields: Fields): string {
  const lines = Object.entries(fields).flatMap(([name, value]) =>
    value === undefined ? [] : [value].flat().map((one) => `${name}: ${one}${CRLF}`),
  )
  return `${startLine}${CRLF}${lines.join("")}${CRLF}`
}
