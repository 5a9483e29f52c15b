/**
 * `rws --replace`: takes the pid file once every listener listens, and tells the rws that held it to drain.
 */
import type { Log } from "../lib/ops/log.js"
import { PidFile } from "./pid-file.js"
import { RunError } from "./run-error.js"
import { UsageError } from "./usage-error.js"

/**
 * Looks at the pid file before anything is bound.
 * @throws {UsageError} when a running rws is to be replaced and there is no pid file to find it by
 * @throws {RunError} when another rws holds the file and may not be replaced
 */
export function openPidFile(path: string | undefined, mayReplace: boolean): PidFile | undefined {
  if (path !== undefined) {
    const file = new PidFile(path)
    file.check(mayReplace)
    return file
  }
  if (mayReplace) throw new UsageError("--replace needs pid_file in the configuration, or --pid-file")
  return undefined
}

/**
 * Tells the rws that held the file to drain. A pid file that can't be written is logged: a full disk must not
 * keep rws from serving.
 * @throws {RunError} when another rws holds the file and may not be replaced
 */
export function takeOver(pidFile: PidFile, mayReplace: boolean, log: Log): void {
  const previous = take(pidFile, mayReplace, log)
  if (previous === undefined) return
  try {
    process.kill(previous, "SIGUSR2")
    log.info({ pid: previous }, "replaced a running rws, which drains now")
  } catch (error) {
    const { message } = error as Error
    log.warn({ pid: previous, error: message }, "the replaced rws could not be told to drain")
  }
}

/** The running rws that has taken the file from this one; undefined if there is none. */
export function successorIn(pidFile: PidFile | undefined): number | undefined {
  try {
    return pidFile?.holder()
  } catch (error) {
    if (error instanceof RunError) return undefined
    throw error
  }
}

function take(pidFile: PidFile, mayReplace: boolean, log: Log): number | undefined {
  try {
    return pidFile.take(mayReplace)
  } catch (error) {
    if (error instanceof RunError) throw error
    log.error({ error: (error as Error).message }, "pid file not written: rws reload does not find this rws")
    return mayReplace ? pidFile.holder() : undefined
  }
}
