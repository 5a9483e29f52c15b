/** Keys that are right one by one and wrong together, or without one another. */
import { closest } from "fastest-levenshtein"
import { HEALTH_CHECK_DEFAULTS } from "../pool/health-check-settings.js"
import { Pool } from "../pool/pool.js"
import { inlinePoolShape } from "../pool/pool-schema.js"
import { isTable, type Table, toTable, toTables } from "../settings/table.js"
import { NO_TERMINATION } from "../settings/tls-advice.js"
import type { ConfigProblem } from "./problem.js"

type Path = ConfigProblem["path"]

/**
 * Looks at what is there, however wrong each value may be: that is the schema's concern. A default is never in conflict, since
 * a checked configuration has them filled in and may be checked again.
 */
export function findConflicts(input: unknown): ConfigProblem[] {
  const config = toTable(input)
  const pools = toTable(config.pool)
  const named = Object.entries(pools).flatMap(([name, pool]) =>
    conflictsOfPool(toTable(pool), ["pool", name]),
  )
  const listeners = toTables(config.ws_proxy).flatMap(([index, listener]) =>
    conflictsOfListener(listener, ["ws_proxy", index], pools),
  )
  return [...named, ...listeners]
}

function conflictsOfListener(listener: Table, path: Path, pools: Table): ConfigProblem[] {
  const routes = toTables(listener.route)
  const problems = [...conflictsOfPlace(listener, path, pools)]
  if (!leadsSomewhere(listener) && routes.length === 0) {
    problems.push({ path: [...path, "backends"], message: "required, but missing" })
  }
  if (isSet(listener, "rate_burst") && listener.rate_burst !== 0 && !isSet(listener, "rate_per_ip")) {
    problems.push({ path: [...path, "rate_burst"], message: "it does nothing without rate_per_ip" })
  }
  if (listener.accept_proxy_protocol === true && !isFilled(listener.trusted_proxies)) {
    const message = "it needs trusted_proxies: nobody else may send a PROXY header"
    problems.push({ path: [...path, "accept_proxy_protocol"], message })
  }
  if (isSet(listener, "bind_mode") && typeof listener.bind === "string" && !isUnix(listener.bind)) {
    const message = 'has no effect without unix:, as in bind = "unix:/run/rws.sock"'
    problems.push({ path: [...path, "bind_mode"], message })
  }
  for (const [index, route] of routes) {
    const place = [...path, "route", index]
    problems.push(...conflictsOfPlace(route, place, pools), ...conflictsOfRewrite(route, place))
    if (!leadsSomewhere(route) && !leadsSomewhere(listener)) {
      const message = "required here, since the [[ws_proxy]] has neither pool nor backends"
      problems.push({ path: [...place, "backends"], message })
    }
  }
  return problems
}

/** A listener or a route: it names a pool, or has one of its own, or leaves that to others. */
function conflictsOfPlace(place: Table, path: Path, pools: Table): ConfigProblem[] {
  const { pool } = place
  if (isSet(place, "backends")) {
    const twice = { path: [...path, "pool"], message: "it can't stand beside backends" }
    const misplaced = place.backends instanceof Pool ? misplacedIn(place, path, "to the Pool") : []
    return [...(pool === undefined ? [] : [twice]), ...misplaced, ...conflictsOfPool(place, path)]
  }
  const where = typeof pool === "string" ? `in [pool.${pool}]` : "beside backends, or in a [pool.NAME]"
  const problems = misplacedIn(place, path, where)
  if (typeof pool === "string" && !Object.hasOwn(pools, pool)) {
    const names = Object.keys(pools)
    const hint = names.length === 0 ? "there is no [pool.NAME]" : `did you mean "${closest(pool, names)}"?`
    problems.push({ path: [...path, "pool"], message: `there is no pool "${pool}"; ${hint}` })
  }
  return problems
}

/** The settings of a pool that stand where there is none for them. */
function misplacedIn(place: Table, path: Path, where: string): ConfigProblem[] {
  return Object.keys(inlinePoolShape)
    .filter((key) => key !== "backends" && isSet(place, key))
    .map((key) => ({ path: [...path, key], message: `it belongs ${where}` }))
}

function conflictsOfPool(pool: Table, path: Path): ConfigProblem[] {
  const problems: ConfigProblem[] = []
  const add = (key: string, message: string) => problems.push({ path: [...path, key], message })
  if (pool.balance === "hash" && !isSet(pool, "hash_key")) {
    add("balance", 'it needs a hash_key, as in "client_ip"')
  }
  if (pool.balance !== "hash" && isSet(pool, "hash_key")) add("hash_key", 'it needs balance = "hash"')
  if (isSet(pool, "sticky_secret") && !isSet(pool, "sticky_cookie")) {
    add("sticky_secret", "it does nothing without sticky_cookie")
  }
  if (isSet(pool, "fail_timeout_ms") && pool.max_fails === 0) {
    add("fail_timeout_ms", "it does nothing with max_fails = 0")
  }
  if (isTable(pool.tls) && Array.isArray(pool.backends) && !pool.backends.some(isTls)) {
    add("tls", `has no effect: no backend is wss:// or https://, and ${NO_TERMINATION}`)
  }
  const { type = "tcp", ...check } = toTable(pool.health_check)
  const idle = { tcp: ["path", "host", "expect_status"], ws: ["expect_status"] }[String(type)] ?? []
  for (const key of idle.filter((key) => isSet(check, key) && check[key] !== HEALTH_CHECK_DEFAULTS.path)) {
    problems.push({
      path: [...path, "health_check", key],
      message: `it does nothing with type = "${type}"`,
    })
  }
  return problems
}

function conflictsOfRewrite(route: Table, path: Path): ConfigProblem[] {
  const { path: pattern, rewrite, strip_prefix } = route
  if (strip_prefix !== true) return []
  const key = [...path, "strip_prefix"]
  if (rewrite !== undefined) return [{ path: key, message: "it can't stand beside rewrite" }]
  if (pattern === undefined) {
    return [{ path: key, message: 'it needs a path, the prefix to take off: add one, as in path = "/chat"' }]
  }
  if (typeof pattern !== "string" || pattern.startsWith("/")) return []
  return [{ path: key, message: 'it needs a path that is a prefix, as in "/chat"' }]
}

function leadsSomewhere(place: Table): boolean {
  return isSet(place, "pool") || isSet(place, "backends")
}

function isUnix(bind: string): boolean {
  return bind.startsWith("unix:")
}

function isTls(backend: unknown): boolean {
  const address = typeof backend === "string" ? backend : toTable(backend).address
  return typeof address === "string" && /^(wss|https):/i.test(address)
}

function isSet(table: Table, key: string): boolean {
  return table[key] !== undefined
}

function isFilled(list: unknown): boolean {
  return Array.isArray(list) && list.length > 0
}
