/** The one writer of the answers that rws gives itself. */
import { STATUS_CODES } from "node:http"
import type { CloseReason } from "../close-reason.js"

/** Fields that some reasons add to their refusal. */
const MORE_FIELDS: { readonly [reason in CloseReason]?: string } = {
  bad_ws_version: "Sec-WebSocket-Version: 13\r\nUpgrade: websocket\r\n", // RFC 6455 §4.4, RFC 9110 §15.5.22
  too_many_connections: "Retry-After: 1\r\n",
  no_backend: "Retry-After: 1\r\n",
}

/** A complete response. `text` is one line without its end; `now` is what the Date field says. */
export function writeRefusal(reason: CloseReason, status: number, text: string, now: Date): string {
  const body = `${text.replace(/[^\x20-\x7e]/g, "?")}\n`
  return (
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n` +
    `Date: ${now.toUTCString()}\r\n` +
    "Content-Type: text/plain; charset=utf-8\r\n" +
    `Content-Length: ${body.length}\r\n` +
    (MORE_FIELDS[reason] ?? "") +
    `Connection: close\r\n\r\n${body}`
  )
}
