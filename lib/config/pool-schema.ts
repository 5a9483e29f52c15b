/** A pool: its backends, how one of them is chosen, and what is known of their health. */
import { z } from "zod"
import { isHostField } from "../address/address.js"
import { parseBackendAddress } from "../address/backend-address.js"
import { isToken } from "../http/head.js"
import { readCertificates, readKey, readSecureContext } from "../net/secure-context.js"
import { parseHashKey } from "../pool/hash-key.js"
import { Pool } from "../pool/pool.js"
import {
  BACKEND_DEFAULTS,
  BALANCES,
  HEALTH_CHECK_DEFAULTS,
  HEALTH_CHECK_TYPES,
  MAX_WEIGHT,
  type PoolOptions,
} from "../pool/pool-settings.js"
import {
  deadlineMs,
  EVEN_IF_INVALID,
  faultIn,
  flag,
  limit,
  listOf,
  oneOf,
  textFor,
  whole,
} from "../settings/kinds.js"
import { toTable } from "../settings/table.js"
import { NO_TERMINATION } from "./other-names.js"

const address = textFor(parseBackendAddress, 'expected an address, as in "127.0.0.1:9000"')

export const backendSchema = z.strictObject(
  {
    address: address.describe("Address of the backend"),
    weight: whole(1, MAX_WEIGHT)
      .default(BACKEND_DEFAULTS.weight)
      .describe("Share of the sessions, beside the weights of the others"),
    max_connections: limit
      .default(BACKEND_DEFAULTS.max_connections)
      .describe("Sessions at the same time; 0 = no limit"),
    backup: flag.default(BACKEND_DEFAULTS.backup).describe("Used only when no primary can be dialled"),
  },
  'expected an address, as in "127.0.0.1:9000", or a table with one',
)

const status = whole(100, 599)

export const healthCheckSchema = z.strictObject(
  {
    type: oneOf(HEALTH_CHECK_TYPES)
      .default(HEALTH_CHECK_DEFAULTS.type)
      .describe("tcp connects, http asks for a status, ws makes a WebSocket upgrade"),
    path: z
      .string('expected a path, as in "/health"')
      .regex(/^\/[\x21\x22\x24-\x7e]*$/, 'expected a path, as in "/health"')
      .default(HEALTH_CHECK_DEFAULTS.path)
      .describe("Path that http and ws ask for"),
    host: z
      .string("expected host or host:port")
      .refine(isHostField, "expected host or host:port")
      .optional()
      .describe("Host that http and ws send (default: the backend's address)"),
    interval_ms: deadlineMs
      .default(HEALTH_CHECK_DEFAULTS.interval_ms)
      .describe("From one check to the next, give or take a tenth"),
    timeout_ms: deadlineMs.default(HEALTH_CHECK_DEFAULTS.timeout_ms).describe("For one whole check"),
    healthy_threshold: whole(1, 1000)
      .default(HEALTH_CHECK_DEFAULTS.healthy_threshold)
      .describe("Checks in a row that must pass to take a backend in again"),
    unhealthy_threshold: whole(1, 1000)
      .default(HEALTH_CHECK_DEFAULTS.unhealthy_threshold)
      .describe("Checks in a row that must fail to take a backend out"),
    expect_status: status
      .or(listOf(status, "expected a status or a list of them"))
      .optional()
      .describe("Statuses with which http passes (default: any 2xx)"),
  },
  "expected a table, as in [pool.NAME.health_check]",
)

const file = z.string("expected the path of a PEM file").min(1, "expected the path of a PEM file")

export const tlsSchema = z
  .strictObject(
    {
      ca: file.optional().describe("File of the certificates that are trusted (default: those of Node.js)"),
      cert: file.optional().describe("File of the certificate that rws shows to the backends"),
      key: file.optional().describe("File of that certificate's key"),
      server_name: z
        .string("expected a host name")
        .regex(/^[A-Za-z0-9.-]+$/, "expected a host name")
        .optional()
        .describe("Name that is asked for and verified (default: the backend's host)"),
      insecure_skip_verify: flag.default(false).describe("Take any certificate: for tests only"),
    },
    `expected a table, as in [pool.NAME.tls], for wss:// backends; ${NO_TERMINATION}`,
  )
  .superRefine(checkFiles, EVEN_IF_INVALID)

const cookieName = z
  .string("expected the name of a cookie")
  .refine(isToken, "expected the name of a cookie: letters, digits, - and _")

/**
 * The settings of a pool, without the defaults: those are `POOL_DEFAULTS`, so that a pool that is made by a program has the
 * same.
 */
const settingKeys = z.strictObject({
  balance: oneOf(BALANCES).describe(`How a backend is chosen: ${BALANCES.join(", ")}`),
  hash_key: textFor(parseHashKey, 'expected a key, as in "client_ip"').describe(
    "What hash goes by: client_ip, path, header:NAME, cookie:NAME or query:NAME",
  ),
  sticky_cookie: cookieName.describe("Cookie that brings a client back to its backend"),
  sticky_secret: z
    .string("expected a secret")
    .min(16, "expected at least 16 characters")
    .describe("What the values of the sticky cookie are made with (default: another one at each start)"),
  max_tries: limit.describe("Backends that one session may dial; 0 = each of them once"),
  max_fails: limit.describe("Failed dials that take a backend out for a while; 0 = never"),
  fail_timeout_ms: deadlineMs.describe("How soon so many must fail, and how long the backend is then out"),
  send_proxy_protocol: oneOf(["v1", "v2"]).describe("PROXY header that the backends get: v1 or v2"),
  health_check: healthCheckSchema.describe("Active checks of each backend"),
  tls: tlsSchema.describe("How TLS is spoken with the wss:// backends"),
})

const backends = z
  .instanceof(Pool)
  .or(listOf(address.or(backendSchema), 'expected a list of addresses, as in ["127.0.0.1:9000"]'))
  .superRefine(checkSettings)
  .describe("Backends, each host:port, [v6]:port, ws://host[:port], wss://host[:port] or unix:/path")

/** The keys of a `[pool.NAME]`. `backends` may be a `Pool`, to change it while the proxy runs. */
export const poolSchema = z.strictObject({ backends, ...settingKeys.partial().shape }, "expected [pool.NAME]")

/** The same keys where they stand beside `backends` in a `[[ws_proxy]]` or a route: then they make a pool of its own. */
export const inlinePoolShape = poolSchema.partial().shape

/** The settings of the pool of a listener or route. They were checked with it, and no file is read again. */
export function poolSettingsOf(place: z.output<z.ZodObject<typeof inlinePoolShape>>): PoolOptions {
  const entries = Object.entries(place).filter(([key]) => key in settingKeys.shape)
  return Object.fromEntries(entries) as PoolOptions
}

/** One of its backends as a table. */
export type BackendInput = z.input<typeof backendSchema>

/** A pool that is made by a program has settings that nobody has looked at. */
function checkSettings(backends: unknown, context: z.RefinementCtx): void {
  if (!(backends instanceof Pool)) return
  const { settings } = backends
  for (const { path, message } of settingKeys.partial().safeParse(settings).error?.issues ?? []) {
    context.addIssue({ code: "custom", path: ["settings", ...path], message })
  }
}

/** Reads each file by itself, to report all faults at once, then checks the certificate with its key. */
function checkFiles(tls: unknown, context: z.RefinementCtx): void {
  const { ca = "", cert = "", key = "" } = toTable(tls)
  const isGood = (name: string, path: unknown, read: (path: string) => unknown) => {
    if (typeof path !== "string") return false
    const message = path === "" ? undefined : faultIn(() => read(path))
    if (message !== undefined) context.addIssue({ code: "custom", path: [name], message })
    return message === undefined
  }
  isGood("ca", ca, (path) => readCertificates("ca", path))
  const isCertGood = isGood("cert", cert, (path) => readCertificates("cert", path))
  const isKeyGood = isGood("key", key, readKey)
  if (typeof cert !== "string" || typeof key !== "string") return
  const isOneMissing = (cert === "") !== (key === "")
  if (!isOneMissing && !(isCertGood && isKeyGood)) return
  const message = faultIn(() => readSecureContext({ cert, key }))
  if (message !== undefined) context.addIssue({ code: "custom", message })
}
