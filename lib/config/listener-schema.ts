/** The keys of a `[[ws_proxy]]`: what each means, its default and what it must be. */
import { z } from "zod"
import { type Address, AddressError, parseBindAddress, parseSocketMode } from "../address/address.js"
import { FORWARDED_MODES } from "../forwarding/forwarding-fields.js"
import { TrustedProxies } from "../forwarding/trusted-proxies.js"
import { MAX_HEAD_BYTES } from "../http/head-scanner.js"
import { parseRate } from "../limits/rate.js"
import { inlinePoolShape, POOL_NAMES } from "../pool/pool-schema.js"
import { routeSchema, ruleKeys } from "../routing/route-schema.js"
import {
  checkedText,
  deadlineMs,
  durationMs,
  flag,
  limit,
  oneOf,
  optionalMs,
  parsedText,
} from "../settings/kinds.js"
import { SettingError } from "../settings/setting-error.js"
import { NO_TERMINATION } from "../settings/tls-advice.js"
import { isCloseCode } from "../upgrade/close-frame.js"

const closeCode = z
  .int("expected a close code")
  .refine(isCloseCode, "expected a code that RFC 6455 lets an endpoint send: 1000 to 1014 or 3000 to 4999")

const { backends, ...inlinePoolSettings } = inlinePoolShape

/** The keys of one `[[ws_proxy]]`. */
export const listenerSchema = z.strictObject({
  name: z
    .string("expected a name")
    .min(1, "expected at least one character")
    .optional()
    .describe("Name in logs and events")
    .meta({ ifAbsent: "the bind address", example: "chat" }),
  bind: parsedText(parseBind, 'expected an address, as in "0.0.0.0:8080"')
    .describe("Address to listen on: `host:port`, `[v6]:port` or `unix:/path`")
    .meta({ example: "127.0.0.1:8080", otherNames: "listen listenAddr address addr port socket_address" }),
  bind_mode: parsedText(parseSocketMode, 'expected a mode in octal, as text: "0660"')
    .optional()
    .describe('Permissions of a `unix:` socket in octal, e.g. `"0660"`; connecting takes write permission')
    .meta({ ifAbsent: "by the umask", example: "0660", atStart: true }),
  reuse_port: flag
    .default(false)
    .describe(
      "Listen beside another rws that has this key too (SO_REUSEPORT; needs Node.js 22.12), for `rws --replace`; the path of a `unix:` socket passes to the rws that binds it last",
    )
    .meta({ otherNames: "enable_reuse_port", atStart: true }),
  pool: z
    .string("expected the name of a pool")
    .optional()
    .describe("Name of the pool for requests that match no route")
    .meta({
      flag: false,
      ifAbsent: "none",
      example: "chat",
      otherNames: POOL_NAMES,
    }),
  backends: backends
    .describe(
      "Backends, in place of `pool`: `host:port`, `[v6]:port`, `ws://host[:port][/path]`, `wss://host[:port][/path]` or `unix:/path`; the keys of a pool may be set here too. One of `pool`, `backends` and `route` is required",
    )
    .meta({ ifAbsent: "none" }),
  route: z
    .array(routeSchema, "expected [[ws_proxy.route]], with two pairs of brackets")
    .default([])
    .describe("Tables: routes, tried in file order")
    .meta({
      ifAbsent: "none",
      otherNames: `location locations routes rules rule router routers handle handle_path virtual_hosts
        route_config acl match`,
    }),
  connect_timeout_ms: deadlineMs
    .default(5000)
    .describe("Resolving a backend's name, TCP connect to all its addresses together, and the TLS handshake")
    .meta({ otherNames: "dial_timeout proxy_connect_timeout timeout_connect" }),
  read_timeout_ms: deadlineMs
    .default(30_000)
    .describe("From accept until the client's request head is complete; a slow trickle does not extend it")
    .meta({
      otherNames: `client_header_timeout read_header read_header_timeout timeout_http_request
        request_headers_timeout headersTimeout requestTimeout`,
    }),
  handshake_timeout_ms: deadlineMs
    .default(10_000)
    .describe(
      "From sending the head until the backend's response head is complete; while a refusal is relayed: no progress for this long, or three times as long by the client",
    )
    .meta({ otherNames: "response_header_timeout" }),
  idle_timeout_ms: optionalMs
    .default(0)
    .describe("Closes a tunnel without a byte in either direction for this long; 0 = never")
    .meta({
      otherNames: `proxy_read_timeout proxy_send_timeout send_timeout stream_timeout proxy_timeout
        proxyTimeout write_timeout stream_idle_timeout timeout_tunnel tunnel_timeout timeout_client
        timeout_server`,
    }),
  half_close_timeout_ms: optionalMs
    .default(30_000)
    .describe("Closes a tunnel with one side closed and the other silent for this long; 0 = never")
    .meta({ otherNames: "timeout_client_fin timeout_server_fin" }),
  max_lifetime_ms: optionalMs
    .default(0)
    .describe(
      "Closes a tunnel at this age; the limit of each tunnel is spread over the last 10 %, so that they do not end together; 0 = unlimited",
    )
    .meta({ otherNames: "maxConnectionDuration max_stream_duration maxConnectionAge" }),
  drain_timeout_ms: deadlineMs
    .default(30_000)
    .describe("How long open tunnels may continue at shutdown")
    .meta({
      otherNames: `grace_period graceTimeOut hard-stop-after worker_shutdown_timeout stream_close_delay
        drain_time shutdown_timeout`,
    }),
  drain_delay_ms: optionalMs
    .default(0)
    .describe(
      "How long the listener keeps accepting after the request to stop, so that load balancers notice first; the drain begins after it",
    )
    .meta({ otherNames: "shutdown_delay requestAcceptGraceTimeout" }),
  drain_spread_ms: optionalMs
    .default(3000)
    .describe(
      "Time over which the tunnels that are left after `drain_timeout_ms` are closed, evenly, oldest first; 0 = all at once",
    )
    .meta({ otherNames: "close_spread_time" }),
  close_frames: flag
    .default(false)
    .describe(
      "End tunnels with a WebSocket Close frame to both peers, at the end of a frame, and wait up to a second for their replies",
    ),
  client_close_code: closeCode
    .default(1012)
    .describe("Code of the Close frame that clients get: 1012 = service restart"),
  backend_close_code: closeCode
    .default(1001)
    .describe("Code of the Close frame that backends get: 1001 = going away"),
  max_head_bytes: z
    .int("expected a whole number of bytes")
    .min(64, "expected at least 64 bytes")
    .max(MAX_HEAD_BYTES, `expected at most ${MAX_HEAD_BYTES} bytes`)
    .default(8192)
    .describe(`Longest request head, 64 to ${MAX_HEAD_BYTES}`)
    .meta({
      otherNames: `max_header_size max_header_bytes large_client_header_buffers client_header_buffer_size
        max_request_headers_kb tune.bufsize`,
    }),
  max_connections: limit
    .default(0)
    .describe("Concurrent client connections, from accept to close or refusal; 0 = unlimited")
    .meta({
      otherNames: `maxconn max_conns worker_connections maxConnsPerHost fullconn circuit_breakers
        max_requests unhealthy_request_count`,
    }),
  max_connections_per_ip: limit
    .default(0)
    .describe("Concurrent connections of one client address, or of one IPv6 /64; 0 = unlimited")
    .meta({ otherNames: "inFlightReq limit_conn limit_conn_zone" }),
  max_pending: limit
    .default(0)
    .describe("Concurrent sessions still in the handshake phase; 0 = unlimited")
    .meta({ otherNames: "max_pending_requests" }),
  rate_per_ip: parsedText(parseRate, 'expected a rate, as in "20/s"')
    .optional()
    .describe('New connections of one client address, e.g. `"20/s"`, `"100/m"` or `"1000/h"`')
    .meta({
      ifAbsent: "unlimited",
      example: "20/s",
      otherNames: "rateLimit limit_req limit_req_zone average rate maxconnrate",
    }),
  rate_burst: limit
    .default(0)
    .describe("Connections of one client address that may arrive at once; 0 = the number in `rate_per_ip`")
    .meta({ example: 40, otherNames: "burst" }),
  keepalive_ms: durationMs
    .refine(
      (ms) => ms === 0 || ms >= 1000,
      "expected 0 (off) or at least 1000: the system counts it in seconds",
    )
    .default(60_000)
    .describe("Idle time before TCP keepalive probes on both sockets, at least 1000; 0 = off")
    .meta({ otherNames: "so_keepalive proxy_socket_keepalive tcp_keepalive" }),
  trusted_proxies: z
    .array(checkedText(checkTrusted, "expected an address or a CIDR range"), "expected a list of addresses")
    .transform((list) => new TrustedProxies(list))
    .prefault([])
    .describe(
      'Addresses and CIDR ranges that may report the client address; `"private_ranges"` for loopback and private networks, `"unix"` for clients of a Unix socket',
    )
    .meta({
      flag: "trusted-proxy",
      otherNames: `set_real_ip_from trustedIPs trustProxy forwardedHeaders use_remote_address
        xff_num_trusted_hops`,
    }),
  accept_proxy_protocol: flag
    .default(false)
    .describe(
      "Connections from `trusted_proxies` begin with a PROXY header, v1 or v2, and are refused without it",
    )
    .meta({ otherNames: "proxy_protocol accept-proxy" }),
  client_tls: flag
    .default(false)
    .describe(
      "All clients come over TLS, though nothing says so: behind a terminator that passes bytes without a PROXY header, or with one that lacks TLS details; what a trusted proxy reports overrides it",
    )
    .meta({ otherNames: "force_https" }),
  forwarded: oneOf(FORWARDED_MODES)
    .default("x-forwarded")
    .describe(
      'Fields that tell the backend who the client is: `"x-forwarded"`, `"rfc7239"`, `"both"` or `"off"`',
    )
    .meta({ otherNames: "xfwd forwardfor xForwardedFor" }),
  status_path: checkedText(checkStatusPath, 'expected a path, as in "/healthz"')
    .optional()
    .describe(
      "Path at which rws itself answers a plain GET, for load balancers: 200, or 503 while the listener drains",
    )
    .meta({ ifAbsent: "none", example: "/healthz", otherNames: "monitor-uri health_path healthz" }),
  trace_headers: flag
    .default(true)
    .describe(
      "Send `X-Request-ID` and `traceparent` to the backend: those of a trusted proxy, else new ones; `false` = as the client sent them",
    )
    .meta({ otherNames: "request_id unique-id-header generate_request_id tracing otel_trace_context" }),
  ...ruleKeys,
  ...inlinePoolSettings,
})

/** One `[[ws_proxy]]` as it is written. */
export type ListenerConfig = z.input<typeof listenerSchema>

/** One `[[ws_proxy]]`, parsed, with its defaults filled in. */
export type ParsedListener = z.output<typeof listenerSchema>
/** One `[[ws_proxy.route]]`, parsed. Keys that it leaves out are its listener's. */
export type ParsedRoute = z.output<typeof routeSchema>
/** Where a pool can be named, or stand: in a listener or a route. */
export type PoolPlace = Pick<ParsedRoute, "pool" | keyof typeof inlinePoolShape>
/** The keys of a listener that hold for all of its sessions, whatever their route and pool. */
export type SessionKeys = Omit<ParsedListener, "name" | "route" | keyof PoolPlace | keyof typeof ruleKeys>

/** Users of other proxies write a URL here. */
function parseBind(text: string): Address {
  const [, scheme] = /^(https?|wss?):\/\//i.exec(text) ?? []
  if (scheme !== undefined) {
    const advice = /^(?:https|wss)$/i.test(scheme) ? NO_TERMINATION : `leave out the ${scheme}://`
    throw new AddressError(
      `"${text}" is not an address: expected host:port, [v6]:port or unix:/path; ${advice}`,
    )
  }
  return parseBindAddress(text)
}

function checkStatusPath(text: string): void {
  if (/^\/[^\s?#\x7f-\uffff]*$/.test(text)) return
  throw new SettingError(`"${text}" is not a path: expected e.g. "/healthz", without a query`)
}

function checkTrusted(text: string): TrustedProxies {
  return new TrustedProxies([text])
}
