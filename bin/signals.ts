/**
 * Signals. Importing this file is enough to survive SIGHUP, SIGUSR2 and SIGUSR1, so the program imports it
 * before anything else: by default the first two kill it without a word, and SIGUSR1 opens Node's inspector.
 */
import { isatty } from "node:tty"
import type { RunningProxy } from "../lib/proxy/proxy.js"

const NO_RELOAD = "ignored: reload is not supported; restart rws to apply a new configuration"
const IGNORED: Readonly<Record<string, string>> = {
  SIGHUP: NO_RELOAD,
  SIGUSR2: NO_RELOAD,
  SIGUSR1: "ignored: the inspector is opened by node --inspect only",
}

type Notice = (signal: NodeJS.Signals, text: string) => void

let notice: Notice = (_signal, text) => console.error(text)

/** Whoever started rws from a terminal expects it to end when that terminal is closed. */
const terminals = [0, 1, 2].filter((fd) => isatty(fd))

for (const [signal, text] of Object.entries(IGNORED)) {
  process.on(signal, (name: NodeJS.Signals) => {
    const isHangup = name === "SIGHUP" && terminals.length > 0 && !terminals.some((fd) => isatty(fd))
    if (isHangup) process.kill(process.pid, "SIGTERM")
    else notice(name, `${name} ${text}`)
  })
}

/** Replaces the notice of an ignored signal, by default a line on standard error. */
export function onIgnoredSignal(told: Notice): void {
  notice = told
}

/** What asked the program to stop: a signal, PM2's "shutdown" message, or the primary of a `node:cluster`. */
export type StopCause = "SIGTERM" | "SIGINT" | "shutdown" | "disconnect"

/**
 * Resolves once the proxy is closed, to how many tunnels were cut. The first request to stop drains it, a second one closes it at once.
 * Handles signals from the call on, also while the proxy is starting; rejects if that fails.
 *
 * Of `worker.disconnect()` in the primary a worker hears nothing before its last connection has gone.
 */
export function closeOnSignal(
  starting: Promise<RunningProxy>,
  onDrain: (cause: StopCause) => void,
): Promise<number> {
  return new Promise((resolve, reject) => {
    let requests = 0
    const stop = (cause: StopCause) => {
      requests++
      if (requests === 1) onDrain(cause)
      const timeoutMs = requests === 1 ? undefined : 0
      starting.then((proxy) => proxy.close(timeoutMs)).then(resolve, reject)
    }
    process.on("SIGTERM", () => stop("SIGTERM"))
    process.on("SIGINT", () => stop("SIGINT"))
    if (process.channel !== undefined) listenToParent(stop).catch(reject)
    starting.catch(reject)
  })
}

async function listenToParent(stop: (cause: StopCause) => void): Promise<void> {
  process.on("message", (message) => {
    if (message === "shutdown") stop("shutdown")
  })
  // Only workers of a cluster need the module. In them it is loaded already.
  const { default: cluster } = await import("node:cluster")
  cluster.worker?.on("disconnect", () => stop("disconnect"))
}
