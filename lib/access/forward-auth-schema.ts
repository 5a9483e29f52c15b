/** The keys of `forward_auth`: an authorization service that decides about each request. */
import { z } from "zod"
import { isHopByHop } from "../http/hop-by-hop.js"
import { checkHttpUrl } from "../settings/http-url.js"
import { checkedText, deadlineMs, whole } from "../settings/kinds.js"
import { SettingError } from "../settings/setting-error.js"
import { checkFieldName, toFieldEdits } from "../upgrade/field-rules.js"

/** What rws itself tells the service. */
const OWN_FIELD =
  /^(?:forwarded|x-forwarded-.*|x-original-(?:method|url)|x-real-ip|x-request-id|traceparent)$/
const HANDSHAKE_FIELD = /^(?:sec-websocket-.*|host|content-length|expect)$/

/** The keys of `forward_auth.cache`. */
export const verdictCacheSchema = z.strictObject(
  {
    ttl_ms: deadlineMs
      .describe("How long a 2xx is remembered: for so long a user who is locked out can still connect")
      .meta({ example: 10_000, otherNames: "ttl proxy_cache_valid expires" }),
    max_entries: whole(1, 1_000_000)
      .default(10_000)
      .describe("How many verdicts are remembered; the oldest makes room")
      .meta({ otherNames: "max_size" }),
  },
  "expected a table, as in { ttl_ms = 10000 }",
)

/** The keys of `[ws_proxy.forward_auth]`. */
export const forwardAuthSchema = z.strictObject(
  {
    url: checkedText(checkHttpUrl, 'expected a URL, as in "http://127.0.0.1:4180/oauth2/auth"')
      .describe(
        "Where the service is asked, with a GET: 2xx lets the client in; 401, 403 and redirects are relayed to it; anything else is a 502",
      )
      .meta({
        flag: false,
        example: "http://127.0.0.1:4180/oauth2/auth",
        otherNames: "address uri upstream http_service server_uri endpoint",
      }),
    timeout_ms: deadlineMs
      .default(2000)
      .describe("Deadline for the service's whole response; then the client gets a 504")
      .meta({ flag: false, otherNames: "timeout" }),
    request_headers: z
      .array(
        checkedText(checkRequestField, "expected the name of a field"),
        'expected a list of names, as in ["Cookie"]',
      )
      .default(["Accept-Language", "Authorization", "Cookie", "Origin", "User-Agent"])
      .describe(
        "Fields of the client that the service gets, besides `X-Forwarded-Method`, `-Proto`, `-Host`, `-Uri` and `-For`, which rws writes; requests that differ in any of them don't share a verdict of the `cache`",
      )
      .meta({
        otherNames: "authRequestHeaders allowed_headers proxy_set_header header_up proxy_cache_key cache_key",
      }),
    copy_headers: z
      .array(
        checkedText(checkCopiedField, "expected the name of a field"),
        'expected a list of names, as in ["X-Auth-Request-User"]',
      )
      .default([])
      .describe(
        "Fields of the service's 2xx that are copied to the backend's request; those of these names that the client has sent are always removed",
      )
      .meta({
        example: ["X-Auth-Request-User", "X-Auth-Request-Email"],
        otherNames: "authResponseHeaders allowed_upstream_headers auth_request_set response_headers",
      }),
    max_response_bytes: whole(0, 16 * 1024 * 1024)
      .default(64 * 1024)
      .describe("Longest body of the service's response; a longer one is a 502")
      .meta({ flag: false, otherNames: "maxResponseBodySize max_body_size" }),
    cache: verdictCacheSchema
      .optional()
      .describe("Table: how long a 2xx holds for the same user, address and request target")
      .meta({ ifAbsent: "every request is asked about" }),
  },
  "expected a table, as in [ws_proxy.forward_auth]",
)

export type ForwardAuthSettings = Readonly<z.output<typeof forwardAuthSchema>>

function checkRequestField(name: string): void {
  checkFieldName(name)
  const key = name.toLowerCase()
  const plain = key.replace(/[^a-z0-9]/g, "-")
  if (OWN_FIELD.test(plain)) throw new SettingError(`"${name}" is written by rws: a client could forge it`)
  if (isHopByHop(key, []) || HANDSHAKE_FIELD.test(plain)) {
    throw new SettingError(`"${name}" can't be sent: it belongs to the handshake or to one connection`)
  }
}

function checkCopiedField(name: string): void {
  toFieldEdits({ remove: [name] })
}
