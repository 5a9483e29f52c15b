/**
 * Tells the service manager what rws is doing, as sd_notify(3) does: ready, reloading, stopping, a line of
 * status, and signs of life for the watchdog. Does nothing without NOTIFY_SOCKET, so outside of systemd.
 *
 * Node.js has no Unix datagram sockets. systemd-notify has, but a fork of a process with a large heap blocks
 * its event loop for milliseconds. So a small shell is started once, reads one message per line from a pipe
 * and runs systemd-notify for each. It ends with the pipe, and survives the signals that systemd and
 * terminals send to all processes of a service. The unit needs NotifyAccess=all.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process"
import type { Readable, Writable } from "node:stream"

/** Variables as in sd_notify(3), such as `{ READY: 1, STATUS: "listening" }`. */
export type ServiceState = Readonly<Record<string, string | number>>

/** Separates the variables of a message: values may hold spaces. */
const SEPARATOR = "\t"

/** How long a hand-over may take, in milliseconds. systemd-notify waits for systemd to read the message. */
const HAND_OVER_MS = 3000

const NOTIFIER = `
trap '' HUP INT TERM
set -f
IFS='${SEPARATOR}'
while read -r state; do systemd-notify $state; done
`

export class ServiceManager {
  #shell: ChildProcessByStdio<Writable, null, Readable> | undefined
  #watchdog: NodeJS.Timeout | undefined
  #hasWarned = false

  /** @param socket where the manager listens; undefined = there is none */
  private constructor(
    socket: string | undefined,
    private readonly warn: (text: string) => void,
  ) {
    if (socket === undefined) return
    const { PATH = "/usr/bin:/bin" } = process.env
    const shell = spawn("/bin/sh", ["-c", NOTIFIER], {
      env: { PATH, NOTIFY_SOCKET: socket },
      stdio: ["pipe", "ignore", "pipe"],
    })
    shell.on("error", ({ message }) => this.#fail(message))
    shell.stdin.on("error", ({ message }) => this.#fail(message))
    shell.stderr.setEncoding("utf8").on("data", (text: string) => this.#fail(text.trim()))
    this.#shell = shell
  }

  /**
   * Reads the variables of the service manager and removes them, so that no child speaks for rws. Begins to
   * send signs of life, twice as often as the watchdog expects them.
   * @param warn called once, at the first failure
   */
  static take(env: NodeJS.ProcessEnv, pid: number, warn: (text: string) => void): ServiceManager {
    const { NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID = pid } = env
    delete env.NOTIFY_SOCKET
    delete env.WATCHDOG_USEC
    delete env.WATCHDOG_PID
    const manager = new ServiceManager(NOTIFY_SOCKET || undefined, warn)
    const watchdogMs = Number(WATCHDOG_USEC) / 1000
    if (NOTIFY_SOCKET && watchdogMs > 0 && Number(WATCHDOG_PID) === pid) {
      manager.#watchdog = setInterval(() => manager.notify({ WATCHDOG: 1 }), watchdogMs / 2).unref()
    }
    return manager
  }

  /** Sends a message, behind those before it. Neither blocks nor throws. */
  notify(state: ServiceState): void {
    if (this.#shell === undefined) return
    const variables = Object.entries(state).map(([name, value]) => `${name}=${value}`.replace(/\s+/g, " "))
    this.#shell.stdin.write(`${variables.join(SEPARATOR)}\n`)
  }

  /** Started, or done with a reload. */
  ready(status: string): void {
    this.notify({ READY: 1, STATUS: status })
  }

  /** A reload has begun; `ready` ends it. */
  reloading(): void {
    // CLOCK_MONOTONIC, by which systemd matches the notice with its request.
    this.notify({
      RELOADING: 1,
      MONOTONIC_USEC: String(process.hrtime.bigint() / 1000n),
      STATUS: "reloading",
    })
  }

  /** The drain has begun. */
  stopping(): void {
    this.notify({ STOPPING: 1, STATUS: "draining" })
  }

  /**
   * Another process of the unit continues the service, and gives the signs of life from now on. There is no
   * `stopping` after this: it would end the whole unit. Resolves once the service manager knows, or after
   * `HAND_OVER_MS`: if this process exits before, the unit has ended for systemd.
   */
  async handOver(pid: number): Promise<void> {
    clearInterval(this.#watchdog)
    this.notify({ MAINPID: pid })
    const shell = this.#shell
    if (shell === undefined) return
    this.#shell = undefined
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, HAND_OVER_MS)
      // It ends behind the last message.
      shell.once("exit", () => {
        clearTimeout(timer)
        resolve()
      })
      shell.stdin.end()
    })
  }

  /** Says so once and goes on: without later signs of life the watchdog would end rws. */
  #fail(text: string): void {
    if (this.#hasWarned) return
    this.#hasWarned = true
    this.warn(`cannot notify the service manager: ${text}`)
  }
}
