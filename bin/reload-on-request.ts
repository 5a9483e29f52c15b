/** Reloads the configuration file at SIGHUP and, with `watch`, when it changes. */
import type { Config, Settings } from "../lib/config/schema.js"
import type { RunningProxy } from "../lib/index.js"
import type { Log } from "../lib/ops/log.js"
import { FileWatch, versionOf } from "../lib/shared/file-watch.js"
import { Reloader } from "./reloader.js"
import type { ServiceManager } from "./service-manager.js"
import { onOrder, toIgnored } from "./signals.js"

export interface Source {
  /** Undefined: flags are the configuration. */
  readonly file: string | undefined
  /** The version of the file that was read at the start. */
  readonly version: string | undefined
  read(): Promise<Config>
}

export interface Program {
  /** Those of the start. */
  readonly settings: Settings
  readonly log: Log
  readonly manager: ServiceManager
}

export interface Reloads {
  /** Reads the file again and applies it. See `Reloader.request`. */
  now(): Promise<string[]>
  stop(): void
}

export function reloadOnRequest(
  starting: Promise<RunningProxy>,
  { file, version, read }: Source,
  { settings, log, manager }: Program,
): Reloads {
  if (file === undefined) {
    onOrder("SIGHUP", toIgnored(log, "SIGHUP", NO_FILE))
    return { now: () => Promise.reject(new Error(NO_FILE)), stop() {} }
  }
  let watch: FileWatch | undefined
  const setWatch = (isOn: boolean, known = versionOf(file)) => {
    watch?.close()
    watch = isOn ? new FileWatch(file, known, () => reloader.request("watch"), onFault) : undefined
  }
  const onFault = ({ message }: Error) =>
    log.warn({ file, error: message }, "the file can't be watched, so it is checked every second")
  const reloader = new Reloader(
    starting,
    {
      read,
      onReloaded: ({ watch: isOn = false }) => {
        if (isOn !== (watch !== undefined)) setWatch(isOn)
      },
      onBegin: () => manager.reloading(),
      onEnd: (proxy) => manager.ready(`listening on ${proxy.addresses().join(", ")}`),
    },
    log,
  )
  onOrder("SIGHUP", () => reloader.request("SIGHUP"))
  setWatch(settings.watch, version)
  return {
    now: () => reloader.request("admin"),
    stop() {
      reloader.stop()
      watch?.close()
    },
  }
}

const NO_FILE = "rws runs by flags, so there is no file to reload"
