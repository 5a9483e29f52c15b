/** The configuration: every key, what it means, its default and what it must be. The schema is closed. */
import { z } from "zod"
import { AddressError, parseBindAddress, parseSocketMode } from "../address/address.js"
import { FORWARDED_MODES } from "../forwarding/forwarding-fields.js"
import { TrustedProxies } from "../forwarding/trusted-proxies.js"
import { MAX_HEAD_BYTES } from "../http/head-scanner.js"
import { parseRate } from "../limits/rate.js"
import { deadlineMs, durationMs, flag, limit, oneOf, optionalMs, textFor } from "../settings/kinds.js"
import { NO_TERMINATION } from "./other-names.js"
import { inlinePoolShape, poolSchema } from "./pool-schema.js"
import { routeSchema, ruleKeys } from "./route-schema.js"

/**
 * The keys of one `[[ws_proxy]]`. The command line takes those that are no tables as flags, with `-` for `_`.
 */
export const listenerSchema = z.strictObject({
  name: z
    .string("expected a name")
    .min(1, "expected at least one character")
    .optional()
    .describe("Name in logs and events (default: the bind address)"),
  bind: textFor(parseBind, 'expected an address, as in "0.0.0.0:8080"').describe(
    "Address to listen on: host:port, [v6]:port or unix:/path",
  ),
  bind_mode: textFor(parseSocketMode, 'expected a mode in octal, as text: "0660"')
    .optional()
    .describe('Permissions of a unix: socket in octal, as in "0660" (default: what the umask leaves)'),
  pool: z
    .string("expected the name of a pool")
    .optional()
    .describe("Name of the pool that serves what no route takes"),
  ...inlinePoolShape,
  route: z
    .array(routeSchema, "expected [[ws_proxy.route]], with two pairs of brackets")
    .default([])
    .describe("Routes, of which the first that matches is taken"),
  connect_timeout_ms: deadlineMs.default(5000).describe("TCP connect, and TLS handshake, with one backend"),
  read_timeout_ms: deadlineMs
    .default(30_000)
    .describe("From accept until the client's request head is complete"),
  handshake_timeout_ms: deadlineMs
    .default(10_000)
    .describe("From sending the head to the backend's response head; then a refusal's body stalled"),
  idle_timeout_ms: optionalMs.default(0).describe("No byte in either direction; 0 = never"),
  half_close_timeout_ms: optionalMs
    .default(30_000)
    .describe("After one side has closed: the other direction silent for this long; 0 = never"),
  drain_timeout_ms: deadlineMs.default(30_000).describe("At shutdown: how long open tunnels may go on"),
  max_head_bytes: z
    .int("expected a whole number of bytes")
    .min(64, "expected at least 64 bytes")
    .max(MAX_HEAD_BYTES, `expected at most ${MAX_HEAD_BYTES} bytes`)
    .default(8192)
    .describe("Longest request head"),
  max_connections: limit.default(0).describe("Client connections at the same time; 0 = no limit"),
  max_connections_per_ip: limit
    .default(0)
    .describe("The same for one client address, or one IPv6 /64; 0 = no limit"),
  max_pending: limit.default(0).describe("Sessions at the same time that are no tunnels yet; 0 = no limit"),
  rate_per_ip: textFor(parseRate, 'expected a rate, as in "20/s"')
    .optional()
    .describe("New connections of one client address, as in 20/s, 100/m or 1000/h (default: no limit)"),
  rate_burst: limit.default(0).describe("How many of them may come at once; 0 = as many as the rate names"),
  keepalive_ms: durationMs
    .refine(
      (ms) => ms === 0 || ms >= 1000,
      "expected 0 (off) or at least 1000: the system counts it in seconds",
    )
    .default(60_000)
    .describe("TCP keepalive on both sockets; 0 = off"),
  trusted_proxies: z
    .array(textFor(parseTrusted, "expected an address or a CIDR range"), "expected a list of addresses")
    .default([])
    .describe('Addresses that may say who the client is, as in "10.0.0.0/8", "::1" or "unix"'),
  accept_proxy_protocol: flag
    .default(false)
    .describe("Connections from trusted_proxies begin with a PROXY header, v1 or v2"),
  forwarded: oneOf(FORWARDED_MODES)
    .default("x-forwarded")
    .describe("Fields that tell the backend who the client is: x-forwarded, rfc7239, both or off"),
  host_header: ruleKeys.host_header.default("backend"),
  request_headers: ruleKeys.request_headers.prefault({}),
  response_headers: ruleKeys.response_headers.prefault({}),
  allowed_origins: ruleKeys.allowed_origins.default([]),
  require_origin: ruleKeys.require_origin.default(false),
  subprotocols: ruleKeys.subprotocols.default([]),
})

export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "silent"] as const

const logSchema = z.strictObject({
  level: oneOf(LOG_LEVELS).default("info").describe("Lowest level written"),
})

export const configSchema = z.strictObject({
  log: logSchema.prefault({}),
  pool: z.record(z.string(), poolSchema, "expected [pool.NAME]").default({}),
  ws_proxy: z
    .array(listenerSchema, "expected [[ws_proxy]], with two pairs of brackets")
    .min(1, "expected at least one [[ws_proxy]]"),
})

/** One `[[ws_proxy]]` with its defaults filled in. */
export type ListenerConfig = z.output<typeof listenerSchema>
/** One `[[ws_proxy]]` as it is written: what has a default may be left out. */
export type ListenerInput = z.input<typeof listenerSchema>
/** One `[[ws_proxy.route]]`. What it leaves out is its listener's. */
export type RouteConfig = z.output<typeof routeSchema>
/** Where a pool can be named, or stand: in a listener or a route. */
export type PlaceConfig = Pick<RouteConfig, "pool" | keyof typeof inlinePoolShape>
/** A whole configuration with its defaults filled in. */
export type Config = z.output<typeof configSchema>
/** A configuration as it is written: what has a default may be left out. */
export type ConfigInput = z.input<typeof configSchema>

/** Users of other proxies write a URL here. */
function parseBind(text: string): void {
  const [, scheme] = /^(https?|wss?):\/\//i.exec(text) ?? []
  if (scheme !== undefined) {
    const advice = /^(?:https|wss)$/i.test(scheme) ? NO_TERMINATION : `leave out the ${scheme}://`
    throw new AddressError(
      `"${text}" is not an address: expected host:port, [v6]:port or unix:/path; ${advice}`,
    )
  }
  parseBindAddress(text)
}

function parseTrusted(text: string): TrustedProxies {
  return new TrustedProxies([text])
}
