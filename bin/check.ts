/** `rws check`: says whether the configuration is valid and what would be served. */
import { Pool } from "../lib/routing/pool.js"
import { type ConfigArguments, readConfig } from "./config-options.js"

export async function check(given: ConfigArguments): Promise<void> {
  const { log, ws_proxy } = await readConfig(given)
  console.log(
    `The configuration is valid: ${ws_proxy.length} listener${ws_proxy.length === 1 ? "" : "s"}, log level ${log.level}.`,
  )
  for (const { name, bind, backends, ...settings } of ws_proxy) {
    console.log(`\n${name ?? bind}`)
    console.log(`  bind                  ${bind}`)
    console.log(
      `  backends              ${(backends instanceof Pool ? backends.backends : backends).join(", ")}`,
    )
    for (const [key, value] of Object.entries(settings)) console.log(`  ${key.padEnd(21)} ${value}`)
  }
}
