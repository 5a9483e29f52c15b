/** The one writer of the answers that rws gives itself. */
import type { CloseReason } from "../close-reason.js"

/** Reason phrases (RFC 9110 §15, RFC 6585 §4 and §5) of the statuses in the table of close reasons. */
const PHRASES: Readonly<Record<number, string>> = {
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  408: "Request Timeout",
  426: "Upgrade Required",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
}

/** For a refusal that may be gone at the next try (RFC 9110 §10.2.3). */
const RETRY_LATER = "Retry-After: 1\r\n"

/** Fields that some reasons add to their refusal. */
const MORE_FIELDS: { readonly [reason in CloseReason]?: string } = {
  // RFC 6455 §4.4, RFC 9110 §15.5.22; and §7.8: who sends Upgrade names it in Connection.
  bad_ws_version: "Sec-WebSocket-Version: 13\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n",
  too_many_connections: RETRY_LATER,
  too_many_pending: RETRY_LATER,
  too_many_from_client: RETRY_LATER,
  rate_limited: RETRY_LATER,
  no_backend: RETRY_LATER,
  local_exhaustion: RETRY_LATER,
}

/** A complete response. `text` is one line without its end; `now` is what the Date field says. */
export function writeRefusal(reason: CloseReason, status: number, text: string, now: Date): string {
  const body = `${text.replace(/[^\x20-\x7e]/g, "?")}\n`
  return (
    `HTTP/1.1 ${status} ${PHRASES[status] ?? ""}\r\n` +
    `Date: ${now.toUTCString()}\r\n` +
    "Content-Type: text/plain; charset=utf-8\r\n" +
    `Content-Length: ${body.length}\r\n` +
    (MORE_FIELDS[reason] ?? "") +
    `Connection: close\r\n\r\n${body}`
  )
}
