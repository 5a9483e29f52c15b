/** What can be set for a pool and for each of its backends, and what holds where nothing is set. */
import { SettingError } from "../settings/setting-error.js"

export const BALANCES = ["round_robin", "least_connections", "random", "hash"] as const

export type Balance = (typeof BALANCES)[number]

export interface PoolSettings {
  readonly balance: Balance
  /** What the policy "hash" looks at, as `parseHashKey` reads it. It can't do without; the others don't look at it. */
  readonly hash_key?: string | undefined
  /** Name of a cookie that keeps a client with its backend. Default: none. */
  readonly sticky_cookie?: string | undefined
  /** Key of the hash in that cookie. Default: random bytes, so that a restart forgets who belongs where. */
  readonly sticky_secret?: string | undefined
  /** Backends that one session may dial. 0 = each of them once. */
  readonly max_tries: number
  /** Failed dials that take a backend out. 0 = none do. */
  readonly max_fails: number
  /** The time within which these dials fail, and for which the backend is out at first, in milliseconds, at least 1. */
  readonly fail_timeout_ms: number
  /** PROXY header that the backends get. Default: none. */
  readonly send_proxy_protocol?: "v1" | "v2" | undefined
  /** Default: none. */
  readonly health_check?: HealthCheckSettings | undefined
  /** How TLS is spoken with backends that speak it. */
  readonly tls?: TlsSettings | undefined
}

export const HEALTH_CHECK_TYPES = ["tcp", "http", "ws"] as const

export interface HealthCheckSettings extends HealthThresholds {
  /** "tcp" connects, "http" asks for a status, "ws" makes a WebSocket upgrade. */
  readonly type: (typeof HEALTH_CHECK_TYPES)[number]
  /** What "http" and "ws" ask for. */
  readonly path: string
  /** The Host that they send. Default: the backend's own. */
  readonly host?: string | undefined
  /** From one check to the next, in milliseconds, give or take a tenth. */
  readonly interval_ms: number
  /** For one whole check, in milliseconds. */
  readonly timeout_ms: number
  /** Statuses with which "http" passes. Default: any 2xx. */
  readonly expect_status?: number | readonly number[] | undefined
}

/** How many health checks in a row make a backend healthy or unhealthy; each at least 1. */
export interface HealthThresholds {
  readonly healthy_threshold: number
  readonly unhealthy_threshold: number
}

export interface TlsSettings {
  /** Paths of PEM files: who is trusted (default: whom Node.js trusts), and the certificate that rws shows, with its key. */
  readonly ca?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
  /** The name that is asked for and verified. Default: the backend's host. */
  readonly server_name?: string | undefined
  /** Whether any certificate is taken. Default: false. */
  readonly insecure_skip_verify?: boolean | undefined
}

/** Settings as they are written: what has a default may be left out, or be undefined. */
export type PoolOptions = {
  readonly [Key in Exclude<keyof PoolSettings, "health_check">]?: PoolSettings[Key] | undefined
} & {
  readonly health_check?:
    | { readonly [Key in keyof HealthCheckSettings]?: HealthCheckSettings[Key] | undefined }
    | undefined
}

export const POOL_DEFAULTS = {
  balance: "round_robin",
  max_tries: 0,
  max_fails: 3,
  fail_timeout_ms: 10_000,
} as const satisfies PoolSettings

export const HEALTH_CHECK_DEFAULTS = {
  type: "tcp",
  path: "/",
  interval_ms: 5000,
  timeout_ms: 2000,
  healthy_threshold: 2,
  unhealthy_threshold: 3,
} as const satisfies HealthCheckSettings

/** Fills in the defaults. */
export function toPoolSettings({ health_check, ...options }: PoolOptions): PoolSettings {
  const check = health_check && { ...HEALTH_CHECK_DEFAULTS, ...definedOf(health_check) }
  return { ...POOL_DEFAULTS, ...definedOf(options), health_check: check }
}

/** Programs like to set to undefined what they leave out. */
function definedOf<Options extends object>(
  options: Options,
): { [Key in keyof Options]: NonNullable<Options[Key]> } {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as { [Key in keyof Options]: NonNullable<Options[Key]> }
}

export interface BackendSettings {
  /** As `parseBackendAddress` reads it. */
  readonly address: string
  /** Its share of the sessions beside the others, from 1 to 1000. */
  readonly weight: number
  /** Sessions at the same time; 0 = no limit. */
  readonly max_connections: number
  /** Whether it gets sessions only when no primary can be dialled. */
  readonly backup: boolean
}

/** A backend as it is written: an address alone, or with what differs from the defaults. */
export type BackendInput =
  | string
  | ({ readonly [Key in keyof BackendSettings]?: BackendSettings[Key] | undefined } & Pick<
      BackendSettings,
      "address"
    >)

export const MAX_WEIGHT = 1000

export const BACKEND_DEFAULTS = {
  weight: 1,
  max_connections: 0,
  backup: false,
} as const satisfies Omit<BackendSettings, "address">

/** Fills in the defaults. Throws `SettingError`; the address is not looked at. */
export function toBackendSettings(input: BackendInput): BackendSettings {
  const given = typeof input === "string" ? { address: input } : input
  const settings = { ...BACKEND_DEFAULTS, ...definedOf(given) }
  const { address, weight, max_connections } = settings
  if (!Number.isInteger(weight) || weight < 1 || weight > MAX_WEIGHT) {
    throw new SettingError(
      `"${address}" has weight ${weight}: expected a whole number from 1 to ${MAX_WEIGHT}`,
    )
  }
  if (!Number.isInteger(max_connections) || max_connections < 0) {
    throw new SettingError(
      `"${address}" has max_connections ${max_connections}: expected 0 (no limit) or a whole number`,
    )
  }
  return settings
}
