/**
 * Checks of several keys: those that need or exclude each other, and names and addresses that are used twice.
 */
import { availableParallelism } from "node:os"
import { closest } from "fastest-levenshtein"
import { type Address, AddressError, formatAddress, parseBindAddress } from "../address/address.js"
import { hasReusePort } from "../net/reuse-port.js"
import { Pool } from "../pool/pool.js"
import { inlinePoolShape } from "../pool/pool-schema.js"
import { isSet, isTable, type Table, toTable, toTables } from "../settings/table.js"
import { NO_TERMINATION } from "../settings/tls-advice.js"
import { isLocal } from "./admin-schema.js"
import type { ConfigProblem } from "./problem.js"
import { conflictsOfRegistry, conflictsOfRegistryKeys } from "./registry-checks.js"

type Path = ConfigProblem["path"]

/**
 * Works on any input as it is written, since the schema reports wrong values.
 */
export function crossCheck(input: unknown): ConfigProblem[] {
  const config = toTable(input)
  const pools = toTable(config.pool)
  const named = Object.entries(pools).flatMap(([name, pool]) =>
    conflictsOfPool(toTable(pool), ["pool", name]),
  )
  const registries = toTable(config.registry)
  const listeners = toTables(config.ws_proxy).flatMap(([index, listener]) => [
    ...conflictsOfListener(listener, ["ws_proxy", index], pools),
    ...conflictsOfRegistryKeys(listener, ["ws_proxy", index], registries),
  ])
  return [
    ...findTwins(config),
    ...named,
    ...Object.entries(registries).flatMap(([name, registry]) =>
      conflictsOfRegistry(toTable(registry), ["registry", name]),
    ),
    ...listeners,
    ...conflictsOfWorkers(config),
    ...conflictsOfAdmin(toTable(config.admin), toTables(config.ws_proxy)),
  ]
}

/** Without a token every client that can connect to the admin server may change what rws does. */
function conflictsOfAdmin(admin: Table, listeners: readonly [number, Table][]): ConfigProblem[] {
  const problems: ConfigProblem[] = []
  const add = (key: string, message: string) => problems.push({ path: ["admin", key], message })
  const secrets = ["token", "token_file"].filter((key) => isSet(admin, key))
  if (secrets.length === 2) add("token_file", "cannot be combined with token")
  if (!isSet(admin, "bind")) for (const key of secrets) add(key, "has no effect without bind")
  const bind = toAddress(admin.bind)
  if (bind !== undefined && !isLocal(bind) && secrets.length === 0) {
    add("bind", "needs token_file or token: other machines can connect to this address")
  }
  const address = fixedAddress(admin.bind)
  const [taken] = listeners.find(([, listener]) => fixedAddress(listener.bind) === address) ?? []
  if (address !== undefined && taken !== undefined) add("bind", `"${address}" is taken by ws_proxy[${taken}]`)
  return problems
}

/** Worker threads share addresses by SO_REUSEPORT, and know pools from the configuration only. */
function conflictsOfWorkers(config: Table): ConfigProblem[] {
  const { workers } = config
  const count = workers === "auto" ? availableParallelism() : workers
  if (typeof count !== "number" || count < 2) return []
  const problems: ConfigProblem[] = []
  if (!hasReusePort()) {
    const message = `more than 1 needs Node.js 22.12 or newer; this is ${process.versions.node}`
    problems.push({ path: ["workers"], message })
  }
  const places = toTables(config.ws_proxy).flatMap(([index, listener]) => [
    { place: listener, path: ["ws_proxy", index] },
    ...toTables(listener.route).map(([number, route]) => ({
      place: route,
      path: ["ws_proxy", index, "route", number],
    })),
  ])
  const message =
    "a Pool object can't be shared with worker threads: list the backends here, or set workers = 1"
  for (const { place, path } of places) {
    if (place.backends instanceof Pool) problems.push({ path: [...path, "backends"], message })
  }
  return problems
}

/** Two listeners can share neither an address nor a name. Port 0 is a new address each time. */
function findTwins(config: Table): ConfigProblem[] {
  const first = new Map<string, number>()
  return toTables(config.ws_proxy).flatMap(([index, { name, bind }]) =>
    Object.entries({ name, bind: fixedAddress(bind) }).flatMap(([key, value]): ConfigProblem[] => {
      if (typeof value !== "string") return []
      const twin = first.get(`${key} ${value}`)
      if (twin !== undefined)
        return [{ path: ["ws_proxy", index, key], message: `"${value}" is taken by ws_proxy[${twin}]` }]
      first.set(`${key} ${value}`, index)
      return []
    }),
  )
}

/** The address in its usual spelling; undefined for port 0, and for what is not an address. */
function fixedAddress(bind: unknown): string | undefined {
  const address = toAddress(bind)
  if (address === undefined) return undefined
  return address.kind === "tcp" && address.port === 0 ? undefined : formatAddress(address)
}

function toAddress(bind: unknown): Address | undefined {
  if (typeof bind !== "string") return undefined
  try {
    return parseBindAddress(bind)
  } catch (error) {
    if (error instanceof AddressError) return undefined
    throw error
  }
}

function conflictsOfListener(listener: Table, path: Path, pools: Table): ConfigProblem[] {
  const routes = toTables(listener.route)
  const problems = [...conflictsOfPlace(listener, path, pools)]
  if (!leadsSomewhere(listener) && routes.length === 0) {
    problems.push({ path: [...path, "backends"], message: "required, but missing" })
  }
  if (isSet(listener, "rate_burst") && listener.rate_burst !== 0 && !isSet(listener, "rate_per_ip")) {
    problems.push({ path: [...path, "rate_burst"], message: "has no effect without rate_per_ip" })
  }
  if (listener.accept_proxy_protocol === true && !isFilled(listener.trusted_proxies)) {
    const message = "needs trusted_proxies: only those may send a PROXY header"
    problems.push({ path: [...path, "accept_proxy_protocol"], message })
  }
  if (isSet(listener, "bind_mode") && typeof listener.bind === "string" && !isUnix(listener.bind)) {
    const message = 'has no effect without unix:, as in bind = "unix:/run/rws.sock"'
    problems.push({ path: [...path, "bind_mode"], message })
  }
  if (listener.reuse_port === true && !isUnix(String(listener.bind)) && !hasReusePort()) {
    const message = `needs Node.js 22.12 or newer; this is ${process.versions.node}`
    problems.push({ path: [...path, "reuse_port"], message })
  }
  for (const [index, route] of routes) {
    const place = [...path, "route", index]
    problems.push(...conflictsOfPlace(route, place, pools), ...conflictsOfRewrite(route, place))
    if (!leadsSomewhere(route) && !leadsSomewhere(listener)) {
      const message = "required here, since the [[ws_proxy]] has no pool, backends or registry"
      problems.push({ path: [...place, "backends"], message })
    }
  }
  return problems
}

/** A listener or a route: it names a pool, has its own, or has none. */
function conflictsOfPlace(place: Table, path: Path, pools: Table): ConfigProblem[] {
  const { pool } = place
  if (isSet(place, "backends")) {
    const twice = { path: [...path, "pool"], message: "cannot be combined with backends" }
    const misplaced = place.backends instanceof Pool ? misplacedIn(place, path, "to the Pool") : []
    return [...(pool === undefined ? [] : [twice]), ...misplaced, ...conflictsOfPool(place, path)]
  }
  const where = typeof pool === "string" ? `in [pool.${pool}]` : "next to backends, or in a [pool.NAME]"
  const problems = misplacedIn(place, path, where)
  if (typeof pool === "string" && !Object.hasOwn(pools, pool)) {
    const names = Object.keys(pools)
    const hint = names.length === 0 ? "no [pool.NAME] is defined" : `did you mean "${closest(pool, names)}"?`
    problems.push({ path: [...path, "pool"], message: `unknown pool "${pool}"; ${hint}` })
  }
  return problems
}

/** The settings of a pool in a place that has no pool of its own. */
function misplacedIn(place: Table, path: Path, where: string): ConfigProblem[] {
  return Object.keys(inlinePoolShape)
    .filter((key) => key !== "backends" && isSet(place, key))
    .map((key) => ({ path: [...path, key], message: `belongs ${where}` }))
}

function conflictsOfPool(pool: Table, path: Path): ConfigProblem[] {
  const problems: ConfigProblem[] = []
  const add = (key: string, message: string) => problems.push({ path: [...path, key], message })
  if (pool.balance === "hash" && !isSet(pool, "hash_key")) {
    add("balance", 'needs a hash_key, e.g. "client_ip"')
  }
  if (pool.balance !== "hash" && isSet(pool, "hash_key")) add("hash_key", 'needs balance = "hash"')
  if (!isSet(pool, "sticky_cookie")) {
    for (const key of ["sticky_secret", "sticky_attributes"].filter((key) => isSet(pool, key))) {
      add(key, "has no effect without sticky_cookie")
    }
  }
  const { domain, path: cookiePath = "/" } = toTable(pool.sticky_attributes)
  if (String(pool.sticky_cookie).startsWith("__Host-") && (domain !== undefined || cookiePath !== "/")) {
    add("sticky_cookie", "browsers drop a __Host- cookie that has a domain or another path than /")
  }
  if (pool.max_fails === 0) {
    for (const key of ["fail_timeout_ms", "fail_on"].filter((key) => isSet(pool, key))) {
      add(key, "has no effect with max_fails = 0")
    }
  }
  if (isTable(pool.tls) && Array.isArray(pool.backends) && !pool.backends.some(isTls)) {
    add("tls", `has no effect: no backend is wss:// or https://, and ${NO_TERMINATION}`)
  }
  const { type = "tcp", ...check } = toTable(pool.health_check)
  const idle = { tcp: ["path", "host", "expect_status"], ws: ["expect_status"] }[String(type)] ?? []
  for (const key of idle.filter((key) => isSet(check, key))) {
    problems.push({
      path: [...path, "health_check", key],
      message: `has no effect with type = "${type}"`,
    })
  }
  return problems
}

function conflictsOfRewrite(route: Table, path: Path): ConfigProblem[] {
  const { path: pattern, rewrite, strip_prefix } = route
  if (strip_prefix !== true) return []
  const key = [...path, "strip_prefix"]
  if (rewrite !== undefined) return [{ path: key, message: "cannot be combined with rewrite" }]
  if (pattern === undefined) {
    return [{ path: key, message: 'needs a path, the prefix to remove: add one, e.g. path = "/chat"' }]
  }
  if (typeof pattern !== "string" || pattern.startsWith("/")) return []
  return [{ path: key, message: 'needs a path that is a prefix, e.g. "/chat"' }]
}

function leadsSomewhere(place: Table): boolean {
  return isSet(place, "pool") || isSet(place, "backends") || isSet(place, "registry")
}

function isUnix(bind: string): boolean {
  return bind.startsWith("unix:")
}

function isTls(backend: unknown): boolean {
  const address = typeof backend === "string" ? backend : toTable(backend).address
  return typeof address === "string" && /^(wss|https):/i.test(address)
}

function isFilled(list: unknown): boolean {
  return Array.isArray(list) && list.length > 0
}
