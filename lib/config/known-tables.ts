/** The tables of a configuration with their keys, from the schema. */
import { forwardAuthSchema, verdictCacheSchema } from "../access/forward-auth-schema.js"
import { jwtSchema } from "../access/jwt-schema.js"
import { tlsSchema } from "../net/tls-settings.js"
import { backendSchema } from "../pool/backend-settings.js"
import { healthCheckSchema } from "../pool/health-check-settings.js"
import { poolSchema } from "../pool/pool-schema.js"
import { stickyAttributesSchema } from "../pool/sticky-settings.js"
import { registrySchema } from "../registry/registry-schema.js"
import { fieldRulesTable, routeSchema } from "../routing/route-schema.js"
import { type Setting, settingsOf, type TableSchema } from "../settings/setting.js"
import { adminSchema } from "./admin-schema.js"
import { listenerSchema } from "./listener-schema.js"
import { toPlain } from "./other-names.js"
import { configSchema, logSchema } from "./schema.js"

export interface KnownTable {
  /** As a message says it: "in [[ws_proxy]]". */
  readonly place: string
  readonly settings: readonly Setting[]
  readonly keys: readonly string[]
  /** Whether it faces the client, as a listener does, or the backends, as a pool does. */
  readonly isFront: boolean
}

function table(place: string, schema: TableSchema, isFront = false): KnownTable {
  const settings = settingsOf(schema)
  return { place, settings, keys: settings.map(({ key }) => key), isFront }
}

export const TOP = table("at the top level", configSchema, true)
export const LISTENER = table("in [[ws_proxy]]", listenerSchema, true)
export const ROUTE = table("in [[ws_proxy.route]]", routeSchema, true)
export const POOL = table("in [pool.NAME]", poolSchema)
export const BACKEND = table("in a backend's table", backendSchema)
export const HEALTH_CHECK = table("in health_check", healthCheckSchema)
export const STICKY_ATTRIBUTES = table("in sticky_attributes", stickyAttributesSchema)
export const TLS = table("in tls", tlsSchema)
export const LOG = table("in [log]", logSchema)
export const ADMIN = table("in [admin]", adminSchema)

export const JWT = table("in jwt", jwtSchema.in, true)
export const FORWARD_AUTH = table("in forward_auth", forwardAuthSchema, true)
export const VERDICT_CACHE = table("in forward_auth.cache", verdictCacheSchema, true)

export const REGISTRY = table("in [registry.NAME]", registrySchema)

/**
 * All tables except pools, registries and the top level by the key under which they stand, those that are
 * meant most often first.
 */
const UNDER: Readonly<Record<string, KnownTable>> = {
  ws_proxy: LISTENER,
  route: ROUTE,
  backends: BACKEND,
  health_check: HEALTH_CHECK,
  sticky_attributes: STICKY_ATTRIBUTES,
  tls: TLS,
  request_headers: table("in request_headers", fieldRulesTable),
  response_headers: table("in response_headers", fieldRulesTable),
  jwt: JWT,
  forward_auth: FORWARD_AUTH,
  cache: VERDICT_CACHE,
  log: LOG,
  admin: ADMIN,
}

const TABLES: readonly KnownTable[] = [...Object.values(UNDER), POOL, REGISTRY, TOP]

/** The table at a path of the configuration. */
export function tableAt(path: readonly (string | number)[]): KnownTable {
  if (path[0] === "pool" && path.length === 2) return POOL
  if (path[0] === "registry" && path.length === 2) return REGISTRY
  const name = path.findLast((step) => typeof step === "string") ?? ""
  return (Object.hasOwn(UNDER, name) ? UNDER[name] : undefined) ?? TOP
}

export interface FoundKey {
  readonly key: string
  readonly tables: readonly KnownTable[]
}

/** The key of this spelling, and the tables that have it. */
export function findKey(spelling: string): FoundKey | undefined {
  const plain = toPlain(spelling)
  return find(({ key }) => toPlain(key) === plain, TABLES)
}

/** The key that another program calls so, and those of the given tables that have it. */
export function findOtherName(name: string, among = TABLES): FoundKey | undefined {
  const plain = toPlain(name)
  return find(({ otherNames }) => otherNames.some((other) => toPlain(other) === plain), among)
}

/** The tables that face the client. */
export const FRONT: readonly KnownTable[] = TABLES.filter(({ isFront }) => isFront)

/** All keys, each once. */
export const ALL_KEYS: readonly string[] = [...new Set(TABLES.flatMap(({ keys }) => keys))]

function find(isMeant: (setting: Setting) => boolean, among: readonly KnownTable[]): FoundKey | undefined {
  const found = among.flatMap((table) => table.settings.filter(isMeant).map(({ key }) => ({ key, table })))
  const [first] = found
  if (first === undefined) return undefined
  return { key: first.key, tables: found.filter(({ key }) => key === first.key).map(({ table }) => table) }
}
