/** `rws healthcheck`: says by its exit code whether every listener of a running rws responds. */
import { formatAddress } from "../lib/address/address.js"
import { checkListener } from "../lib/net/check-listener.js"
import { type ConfigArguments, readConfig } from "./config-options.js"
import { UsageError } from "./usage-error.js"

const UNHEALTHY = 1
const NO_BACKEND = "127.0.0.1:1"

export async function healthcheck(given: ConfigArguments): Promise<void> {
  const timeoutMs = Number(given["timeout-ms"])
  if (!(timeoutMs >= 1)) throw new UsageError("--timeout-ms: expected milliseconds, at least 1")
  // A configuration needs backends, a check doesn't.
  const isWhole = given.bind === undefined || given.backend !== undefined
  const { settings } = await readConfig(isWhole ? given : { ...given, backend: [NO_BACKEND] })
  const faults = await Promise.all(
    settings.ws_proxy.map(async ({ name, bind }) => {
      const address = formatAddress(bind)
      const fault = await checkListener(bind, timeoutMs)
      return fault === undefined ? [] : [`${name === undefined ? "" : `${name} on `}${address}: ${fault}`]
    }),
  )
  for (const fault of faults.flat()) console.error(fault)
  if (faults.flat().length > 0) process.exitCode = UNHEALTHY
}
