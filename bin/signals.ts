/**
 * Signals. Importing this file is enough to survive SIGHUP, SIGUSR2 and SIGUSR1, so the program imports it
 * before anything else: by default the first two kill it without a word, and SIGUSR1 opens Node's inspector.
 */
import { isatty } from "node:tty"
import type { Log } from "../lib/ops/log.js"
import type { RunningProxy } from "../lib/proxy/proxy.js"

/** Signals that are orders to a serving rws. Until something handles them they are ignored with a line. */
export type OrderSignal = "SIGHUP" | "SIGUSR1" | "SIGUSR2"

const IGNORED: Readonly<Record<OrderSignal, string>> = {
  SIGHUP: "there is nothing to reload",
  SIGUSR1: "there is no log file to reopen; the inspector is opened by node --inspect only",
  SIGUSR2: "there is nothing to drain",
}

/** A handler that logs why a signal has no effect. */
export function toIgnored(log: Log, signal: OrderSignal, why = IGNORED[signal]): () => void {
  return () => log.warn({ signal }, ignoredText(signal, why))
}

function ignoredText(signal: OrderSignal, why: string): string {
  return `${signal} ignored: ${why}`
}

const handlers = new Map<string, () => void>()

/** Whoever started rws from a terminal expects it to end when that terminal is closed. */
const terminals = [0, 1, 2].filter((fd) => isatty(fd))

for (const signal of Object.keys(IGNORED) as OrderSignal[]) {
  process.on(signal, () => {
    const isHangup = signal === "SIGHUP" && terminals.length > 0 && !terminals.some((fd) => isatty(fd))
    if (isHangup) process.kill(process.pid, "SIGTERM")
    else (handlers.get(signal) ?? (() => console.error(ignoredText(signal, IGNORED[signal]))))()
  })
}

/** Replaces what a signal does, by default a line on standard error. */
export function onOrder(signal: OrderSignal, handler: () => void): void {
  handlers.set(signal, handler)
}

/** What asked the program to stop: a signal, PM2's "shutdown" message, or the primary of a `node:cluster`. */
export type StopCause = "SIGTERM" | "SIGINT" | "SIGUSR2" | "shutdown" | "disconnect"

/**
 * Resolves once the proxy is closed, to how many tunnels were cut. The first request to stop drains it, a
 * second one closes it at once. Handles signals from the call on, also while the proxy is starting; rejects
 * if that fails.
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
    onOrder("SIGUSR2", () => stop("SIGUSR2"))
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
