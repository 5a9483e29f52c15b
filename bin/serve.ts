/** `rws serve`: runs the proxy until a signal. */
import { createLog } from "../lib/ops/pino-log.js"
import { createProxy } from "../lib/proxy/proxy.js"
import { type ConfigArguments, readConfig } from "./config-options.js"
import { closeOnSignal } from "./signals.js"

/** Resolves when a signal has ended it. */
export async function serve(given: ConfigArguments): Promise<void> {
  const config = await readConfig(given)
  const log = await createLog(config.log.level)
  const proxy = await createProxy(config, { log })
  await closeOnSignal(proxy, (signal) => log.info({ signal }, "draining; a second signal closes at once"))
}
