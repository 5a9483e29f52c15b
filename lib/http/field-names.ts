/** Field names in lower case, without converting the common ones. */

/** What browsers, WebSocket libraries and proxies send in an upgrade, and servers in their 101. */
const COMMON = [
  "Accept",
  "Accept-Encoding",
  "Accept-Language",
  "Authorization",
  "Cache-Control",
  "Connection",
  "Cookie",
  "Date",
  "Forwarded",
  "Host",
  "Origin",
  "Pragma",
  "Sec-Fetch-Dest",
  "Sec-Fetch-Mode",
  "Sec-Fetch-Site",
  "Sec-WebSocket-Accept",
  "Sec-WebSocket-Extensions",
  "Sec-WebSocket-Key",
  "Sec-WebSocket-Protocol",
  "Sec-WebSocket-Version",
  "Server",
  "Set-Cookie",
  "Upgrade",
  "User-Agent",
  "Via",
  "X-Forwarded-For",
  "X-Forwarded-Host",
  "X-Forwarded-Port",
  "X-Forwarded-Proto",
  "X-Real-IP",
  "X-Request-ID",
  "traceparent",
  "tracestate",
]

const LOWER_CASE: ReadonlyMap<string, string> = new Map(
  COMMON.flatMap((name) => {
    const lower = name.toLowerCase()
    return [
      [name, lower],
      [lower, lower],
    ]
  }),
)

/** A common name needs no new string, and equal names are one string, which makes comparing them cheap. */
export function lowerCaseName(name: string): string {
  return LOWER_CASE.get(name) ?? name.toLowerCase()
}
