/** `rws check`: says whether the configuration is valid, and prints the settings that would be served. */
import { LISTENER, POOL, ROUTE } from "../lib/config/known-tables.js"
import { describeShortage, findShortage } from "../lib/limits/descriptors.js"
import { checkEndpoints } from "../lib/registry/file-source.js"
import type { Setting } from "../lib/settings/setting.js"
import { isTable, type Table } from "../lib/settings/table.js"
import { type ConfigArguments, readConfig } from "./config-options.js"

export async function check(given: ConfigArguments): Promise<void> {
  const { config, settings } = await readConfig(given)
  const { log, registry, ws_proxy } = settings
  for (const { store, file = "" } of Object.values(registry)) {
    if (store === "file") await checkEndpoints(file)
  }
  const pools = Object.entries(config.pool ?? {})
  const counts = [
    count(ws_proxy.length, "listener"),
    ...(pools.length > 0 ? [count(pools.length, "pool")] : []),
  ]
  console.log(`The configuration is valid: ${counts.join(", ")}, log level ${log.level}.`)
  const shortage = findShortage(ws_proxy)
  if (shortage !== undefined) console.log(`Warning, as started from here: ${describeShortage(shortage)}.`)
  for (const { name, route = [], ...listener } of config.ws_proxy) {
    const routes = route.flatMap((route, index) => linesOf(`route ${index + 1} `, ROUTE.settings, route))
    print(name ?? listener.bind, [...linesOf("", LISTENER.settings, listener), ...routes])
  }
  for (const [name, settings] of pools) print(`pool ${name}`, linesOf("", POOL.settings, settings))
}

type Lines = [key: string, value: string][]

/**
 * One line per key, with its default if it is not set, nested tables as `table.key`. Only a table with
 * backends is a pool and has a pool's defaults. What a route leaves out is its listener's.
 */
function linesOf(prefix: string, settings: readonly Setting[], table: Table): Lines {
  const isPool = table.backends !== undefined
  const hasDefault = (key: string) => (POOL.keys.includes(key) ? isPool : settings !== ROUTE.settings)
  return settings.flatMap(({ key, isSecret, settings: inner, ...setting }): Lines => {
    const value = table[key] ?? (hasDefault(key) ? setting.default : undefined)
    if (value === undefined) return []
    // Values may be credentials, such as fields to set or to match: only names are shown.
    if (isSecret) return [[prefix + key, isTable(value) ? textOf(Object.keys(value)) : "(secret)"]]
    if (isTable(value)) return linesOf(`${prefix}${key}.`, inner, value)
    return [[prefix + key, textOf(value)]]
  })
}

function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.map(textOf).join(", ")
  if (!isTable(value)) return String(value)
  const { address, ...settings } = value
  const more = Object.entries(settings).map(([key, setting]) => `${key} ${setting}`)
  return `${address} (${more.join(", ")})`
}

function print(title: string, lines: Lines): void {
  const width = Math.max(...lines.map(([key]) => key.length))
  console.log(`\n${title}`)
  for (const [key, value] of lines) console.log(`  ${key.padEnd(width)}  ${value}`)
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`
}
