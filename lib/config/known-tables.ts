/** The tables of a configuration with their keys, from the schema. */
import { toPlain } from "./other-names.js"
import { backendSchema, healthCheckSchema, poolSchema, tlsSchema } from "./pool-schema.js"
import { routeSchema, ruleKeys } from "./route-schema.js"
import { configSchema, listenerSchema } from "./schema.js"

export interface KnownTable {
  /** As a message says it: "in [[ws_proxy]]". */
  readonly place: string
  readonly keys: readonly string[]
  /** Whether it faces the client, as a listener does, or the backends, as a pool does. */
  readonly isFront: boolean
}

const POOL: KnownTable = {
  place: "in [pool.NAME]",
  keys: Object.keys(poolSchema.shape),
  isFront: false,
}

const TOP: KnownTable = {
  place: "at the top level",
  keys: Object.keys(configSchema.shape),
  isFront: true,
}

/** The other tables by the key under which they stand. */
const UNDER: Readonly<Record<string, KnownTable>> = {
  log: { place: "in [log]", keys: Object.keys(configSchema.shape.log.unwrap().shape), isFront: false },
  ws_proxy: { place: "in [[ws_proxy]]", keys: Object.keys(listenerSchema.shape), isFront: true },
  route: { place: "in [[ws_proxy.route]]", keys: Object.keys(routeSchema.shape), isFront: true },
  backends: { place: "in a backend's table", keys: Object.keys(backendSchema.shape), isFront: false },
  health_check: { place: "in health_check", keys: Object.keys(healthCheckSchema.shape), isFront: false },
  tls: { place: "in tls", keys: Object.keys(tlsSchema.shape), isFront: false },
  request_headers: {
    place: "in request_headers",
    keys: Object.keys(ruleKeys.request_headers.shape),
    isFront: false,
  },
  response_headers: {
    place: "in response_headers",
    keys: Object.keys(ruleKeys.response_headers.shape),
    isFront: false,
  },
}

const TABLES: readonly KnownTable[] = [TOP, ...Object.values(UNDER), POOL]

/** The table at a path of the configuration. */
export function tableAt(path: readonly (string | number)[]): KnownTable {
  if (path[0] === "pool" && path.length === 2) return POOL
  const name = path.findLast((step) => typeof step === "string") ?? ""
  return (Object.hasOwn(UNDER, name) ? UNDER[name] : undefined) ?? TOP
}

/** The key of this spelling, and the tables that have it; `spelling` may be `table.key`. */
export function findKey(spelling: string): { key: string; tables: KnownTable[] } | undefined {
  const [name = "", table] = spelling.split(".").reverse()
  const plain = toPlain(name)
  const among = table === undefined ? TABLES : TABLES.filter((known) => known === UNDER[table])
  const tables = among.filter(({ keys }) => keys.some((key) => toPlain(key) === plain))
  const key = tables[0]?.keys.find((key) => toPlain(key) === plain)
  return key === undefined ? undefined : { key, tables }
}

/** All keys, each once. */
export const ALL_KEYS: readonly string[] = [...new Set(TABLES.flatMap(({ keys }) => keys))]
