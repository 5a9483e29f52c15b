/** The keys of a pool, except its backends. */
import { z } from "zod"
import { canonicalIp } from "../address/ip.js"
import { isToken } from "../http/head.js"
import { type TlsSettings, tlsSchema } from "../net/tls-settings.js"
import { checkedText, deadlineMs, limit, listOf, oneOf, optionalMs } from "../settings/kinds.js"
import { parseFailure } from "./fail-on.js"
import { parseHashKey } from "./hash-key.js"
import { HEALTH_CHECK_DEFAULTS, healthCheckSchema } from "./health-check-settings.js"
import { STICKY_DEFAULTS, stickyAttributesSchema } from "./sticky-settings.js"

export const BALANCES = ["round_robin", "least_connections", "random", "hash"] as const

export type Balance = (typeof BALANCES)[number]

const cookieName = z
  .string("expected the name of a cookie")
  .refine(isToken, "expected the name of a cookie: letters, digits, - and _")

export const poolSettingsSchema = z.strictObject({
  balance: oneOf(BALANCES)
    .default("round_robin")
    .describe(
      'How a backend is chosen: `"round_robin"`, `"least_connections"`, `"random"` (the less loaded of two) or `"hash"`',
    )
    .meta({
      example: "least_connections",
      otherNames: `method strategy policy algorithm loadbalance load_balancer load_balancing lb_policy
        lb_method`,
    }),
  hash_key: checkedText(parseHashKey, 'expected a key, as in "client_ip"')
    .optional()
    .describe(
      'What `"hash"` hashes: `"client_ip"`, `"path"`, `"header:NAME"`, `"cookie:NAME"` or `"query:NAME"`; requests without it fall back to round robin',
    )
    .meta({
      ifAbsent: "none",
      example: "query:room",
      otherNames: "hash hash_by hash_policy header_hash_key",
    }),
  sticky_cookie: cookieName
    .optional()
    .describe("Name of a cookie that returns a client to its backend while that backend is available")
    .meta({ ifAbsent: "none", example: "rws", otherNames: "sticky cookie stick-table stick" }),
  sticky_secret: z
    .string("expected a secret")
    .min(16, "expected at least 16 characters")
    .optional()
    .describe(
      "Secret behind the cookie's values, at least 16 characters; set it to keep clients in place across restarts and several rws",
    )
    .meta({ ifAbsent: "another one at each start", example: "at least 16 characters", isSecret: true }),
  sticky_attributes: stickyAttributesSchema
    .optional()
    .describe("Table: attributes of that cookie")
    .meta({ ifAbsent: "see below", otherNames: "cookie_attributes cookie_options" }),
  max_tries: limit
    .default(0)
    .describe("Backends that one session may dial; 0 = each one once")
    .meta({
      example: 2,
      otherNames: `retries lb_retries lb_tries num_retries retry_policy redispatch proxy_next_upstream
      proxy_next_upstream_tries proxy_next_upstream_timeout`,
    }),
  max_fails: limit
    .default(3)
    .describe("Failed attempts within `fail_timeout_ms` that eject a backend; 0 = never")
    .meta({ example: 5, otherNames: "outlier_detection passive_health_check" }),
  fail_on: listOf(
    checkedText(parseFailure, 'expected "dial", "handshake" or e.g. "status:503"'),
    'expected a list, as in ["dial", "handshake"]; max_fails = 0 ejects no backend',
  )
    .default(["dial", "handshake"])
    .describe(
      'Failures that count: `"dial"`, `"handshake"` (the backend resets, closes, hangs or sends an invalid response), `"status:NNN"` (a response with that status)',
    )
    .meta({
      flag: "fail-on",
      example: ["dial", "handshake", "status:503"],
      otherNames: "consecutive_5xx consecutive_gateway_failure unhealthy_status observe",
    }),
  fail_timeout_ms: deadlineMs
    .default(10_000)
    .describe(
      "Time window of `max_fails`, and how long the backend stays ejected; each failed retry doubles that time, up to five minutes",
    )
    .meta({ example: 20_000, otherNames: "fail_duration base_ejection_time" }),
  slow_start_ms: optionalMs
    .default(0)
    .describe(
      "Time over which the share of a backend that comes back, or is added at run time, grows linearly from nothing to its usual one; no effect on sessions placed by `hash_key` or a sticky cookie; 0 = its usual share at once",
    )
    .meta({ example: 30_000, otherNames: "slow_start slowstart slow_start_config slow_start_window" }),
  local_addresses: listOf(
    z
      .string("expected an IP address")
      .refine((text) => canonicalIp(text) !== "", 'expected an IP address, as in "10.0.0.5"'),
    'expected a list of IP addresses, as in ["10.0.0.5", "10.0.0.6"]',
  )
    .optional()
    .describe(
      "IP addresses of this machine to dial the backends from, in turn: each has some 28,000 ports of its own, which is how many tunnels it can carry",
    )
    .meta({
      flag: "local-address",
      ifAbsent: "the system chooses",
      example: ["10.0.0.5", "10.0.0.6"],
      otherNames: "proxy_bind local_address source source_address upstream_bind_config bind_config",
    }),
  on_backend_down: oneOf(["keep", "close"])
    .default("keep")
    .describe(
      'What happens to the tunnels of a backend that health checks take down or that is removed: `"keep"`, or `"close"` them over `drain_spread_ms`',
    )
    .meta({ otherNames: "on_marked_down close_connections_on_host_health_failure" }),
  send_proxy_protocol: oneOf(["v1", "v2"])
    .optional()
    .describe(
      'PROXY header with the client\'s address that is sent to the backends before TLS: `"v1"` or `"v2"`',
    )
    .meta({ ifAbsent: "none", example: "v2", otherNames: "send-proxy send-proxy-v2 proxy_protocol" }),
  health_check: healthCheckSchema
    .optional()
    .describe("Table: active checks of the backends")
    .meta({ ifAbsent: "none", otherNames: "health_checks httpchk check" }),
  tls: tlsSchema.optional().describe("Table: TLS with `wss://` backends").meta({
    ifAbsent: "see below",
    otherNames: "servers_transport transport_socket transport tls_context upstream_tls_context",
  }),
})

/** The settings of a pool with their defaults. */
export type PoolSettings = Readonly<Omit<z.output<typeof poolSettingsSchema>, "tls">> & {
  readonly tls?: TlsSettings | undefined
}

/** The settings of a pool as they are written: keys with a default may be left out, or be undefined. */
export type PoolOptions = Readonly<z.input<typeof poolSettingsSchema>>

export const POOL_DEFAULTS: PoolSettings = poolSettingsSchema.parse({})

/** Fills in the defaults. Checks nothing: a program's `Pool` is checked by the proxy that gets it. */
export function toPoolSettings({ health_check, sticky_attributes, ...options }: PoolOptions): PoolSettings {
  return {
    ...POOL_DEFAULTS,
    ...definedOf(options),
    health_check: health_check && { ...HEALTH_CHECK_DEFAULTS, ...definedOf(health_check) },
    sticky_attributes: sticky_attributes && { ...STICKY_DEFAULTS, ...definedOf(sticky_attributes) },
  }
}

/** Programs may set to undefined what they leave out. */
function definedOf<Options extends object>(
  options: Options,
): { [Key in keyof Options]: NonNullable<Options[Key]> } {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as { [Key in keyof Options]: NonNullable<Options[Key]> }
}
