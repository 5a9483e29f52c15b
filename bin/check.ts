/** `rws check`: says whether the configuration is valid and what would be served. */
import type { Config, ListenerConfig } from "../lib/config/schema.js"
import { Pool } from "../lib/pool/pool.js"
import { POOL_DEFAULTS } from "../lib/pool/pool-settings.js"
import { type ConfigArguments, readConfig } from "./config-options.js"

export async function check(given: ConfigArguments): Promise<void> {
  const { log, pool, ws_proxy } = await readConfig(given)
  const pools = Object.entries(pool)
  const counts = [
    count(ws_proxy.length, "listener"),
    ...(pools.length > 0 ? [count(pools.length, "pool")] : []),
  ]
  console.log(`The configuration is valid: ${counts.join(", ")}, log level ${log.level}.`)
  for (const listener of ws_proxy) print(listener.name ?? listener.bind, listenerLines(listener))
  for (const [name, settings] of pools) print(`pool ${name}`, poolLines(settings))
}

type Lines = [key: string, value: string][]

function listenerLines({ name, bind, pool, route, ...settings }: ListenerConfig): Lines {
  const own = settings.backends === undefined ? linesOf("", { pool }) : []
  const routes = route.flatMap((settings, index) =>
    linesOf(`route ${index + 1} `, withPoolDefaults(settings)),
  )
  return [["bind", bind], ...own, ...linesOf("", withPoolDefaults(settings)), ...routes]
}

function poolLines(settings: Config["pool"][string]): Lines {
  return linesOf("", withPoolDefaults(settings))
}

/** A place that has backends of its own has the settings of a pool as well. */
function withPoolDefaults(place: { readonly backends?: unknown }): object {
  const { backends, ...settings } = place
  return backends === undefined ? settings : { backends, ...POOL_DEFAULTS, ...settings }
}

/** Tables whose values may be credentials, such as headers to set or to match: names only. */
const NAMES_ONLY: ReadonlySet<string> = new Set(["set", "header", "query"])

/** The keys of a table, and behind a dot those of the tables in it. */
function linesOf(prefix: string, table: object): Lines {
  return Object.entries(table).flatMap(([key, value]: [string, unknown]): Lines => {
    if (value === undefined) return []
    if (isTable(value) && NAMES_ONLY.has(key)) return [[prefix + key, textOf(Object.keys(value))]]
    if (isTable(value)) return linesOf(`${prefix}${key}.`, value)
    return [[prefix + key, key === "sticky_secret" ? "(secret)" : textOf(value)]]
  })
}

function textOf(value: unknown): string {
  if (value instanceof Pool) return value.backends.join(", ")
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.map(textOf).join(", ")
  if (!isTable(value)) return String(value)
  const { address, ...settings } = value
  const more = Object.entries(settings).map(([key, setting]) => `${key} ${setting}`)
  return `${address} (${more.join(", ")})`
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Pool)
}

function print(title: string, lines: Lines): void {
  const width = Math.max(...lines.map(([key]) => key.length))
  console.log(`\n${title}`)
  for (const [key, value] of lines) console.log(`  ${key.padEnd(width)}  ${value}`)
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`
}
