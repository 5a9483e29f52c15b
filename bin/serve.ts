/** `rws serve`: runs the proxy until a signal. */
import { toSettings } from "../lib/config/load.js"
import { takeInheritedSockets } from "../lib/net/inherited-sockets.js"
import { createLog } from "../lib/ops/pino-log.js"
import { createProxy } from "../lib/proxy/proxy.js"
import { type ConfigArguments, readConfig } from "./config-options.js"
import { DONE, end, FLUSH_MS, TUNNELS_CUT } from "./end.js"
import { leaveCluster } from "./leave-cluster.js"
import { ServiceManager } from "./service-manager.js"
import { closeOnSignal, onIgnoredSignal } from "./signals.js"

/** Ends the process after a signal. Rejects if the proxy can't be started. */
export async function serve(given: ConfigArguments): Promise<void> {
  const inherited = takeInheritedSockets(process.env, process.pid)
  const config = await readConfig(given)
  const { log, flush } = await createLog(toSettings(config).log.level)
  onIgnoredSignal((signal, text) => log.warn({ signal }, text))
  const manager = ServiceManager.take(process.env, process.pid, (text) => log.warn({}, text))
  const starting = createProxy(config, { log, inherited }).then((proxy) => {
    manager.ready(`listening on ${proxy.addresses().join(", ")}`)
    return proxy
  })
  const cut = await closeOnSignal(starting, (signal) => {
    manager.stopping()
    log.info({ signal }, "draining; a second signal closes at once")
  })
  if (cut > 0) log.warn({ cut }, `ended; the drain has cut ${cut} tunnel${cut === 1 ? "" : "s"}`)
  await flush(FLUSH_MS)
  await leaveCluster(FLUSH_MS)
  await end(cut > 0 ? TUNNELS_CUT : DONE)
}
