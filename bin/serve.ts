/** `rws serve`: runs the proxy until a signal. */
import { takeInheritedSockets } from "../lib/net/inherited-sockets.js"
import { BindError } from "../lib/net/listener.js"
import { createProxy } from "../lib/proxy/proxy.js"
import { versionOf } from "../lib/shared/file-watch.js"
import { type ConfigArguments, configFileOf, readConfig } from "./config-options.js"
import { DONE, end, FLUSH_MS, TUNNELS_CUT } from "./end.js"
import { leaveCluster } from "./leave-cluster.js"
import { openLog } from "./open-log.js"
import { reloadOnRequest } from "./reload-on-request.js"
import { ServiceManager } from "./service-manager.js"
import { closeOnSignal, onOrder, toIgnored } from "./signals.js"
import { openPidFile, successorIn, takeOver } from "./take-over.js"

type ServeArguments = ConfigArguments & { readonly replace?: boolean | undefined }

/** Ends the process after a signal. Rejects if the proxy can't be started. */
export async function serve(given: ServeArguments): Promise<void> {
  const inherited = takeInheritedSockets(process.env, process.pid)
  const file = configFileOf(given)
  // Before the file is read, so that no change after it goes unnoticed.
  const version = file === undefined ? undefined : versionOf(file)
  const read = () => readConfig(given)
  const { config, settings } = await read()
  const mayReplace = given.replace === true
  const pidFile = openPidFile(settings.pid_file, mayReplace)
  const { log, flush } = await openLog(settings.log)
  const manager = ServiceManager.take(process.env, process.pid, (text) => log.warn({}, text))
  const readAgain = file === undefined ? undefined : () => reloads.now()
  const starting = createProxy(config, { log, inherited, readAgain, replaces: mayReplace })
    .catch((error) => {
      throw mayReplace && error instanceof BindError ? new BindError(error.message + REPLACE_ADVICE) : error
    })
    .then((proxy) => {
      if (pidFile !== undefined) takeOver(pidFile, mayReplace, log)
      manager.ready(`listening on ${proxy.addresses().join(", ")}`)
      return proxy
    })
  // The proxy itself is only asked to go by configurations that are valid.
  const readForReload = async () => {
    try {
      return (await read()).config
    } catch (error) {
      await starting.then((proxy) => proxy.reloadRefused())
      throw error
    }
  }
  const reloads = reloadOnRequest(
    starting,
    { file, version, read: readForReload },
    { settings, log, manager },
  )
  let handedOver: Promise<void> | undefined
  const cut = await closeOnSignal(starting, (signal) => {
    reloads.stop()
    for (const order of ["SIGHUP", "SIGUSR2"] as const)
      onOrder(order, toIgnored(log, order, "rws is draining"))
    const successor = signal === "SIGUSR2" ? successorIn(pidFile) : undefined
    if (successor === undefined) manager.stopping()
    else {
      handedOver = manager.handOver(successor)
      // The successor waits for its address.
      void starting.then(
        (proxy) => proxy.closeAdmin(),
        () => {},
      )
    }
    log.info({ signal }, "draining; a second signal closes at once")
  })
  if (cut > 0) log.warn({ cut }, `ended; the drain has cut ${cut} tunnel${cut === 1 ? "" : "s"}`)
  pidFile?.release()
  await handedOver
  await flush(FLUSH_MS)
  await leaveCluster()
  await end(cut > 0 ? TUNNELS_CUT : DONE)
}

const REPLACE_ADVICE =
  "\nTo listen beside the rws that is replaced, both need reuse_port = true on this listener."
