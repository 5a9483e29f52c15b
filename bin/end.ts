/**
 * Ends the process although something in it still waits: a health check, a name lookup, the reader of its
 * output.
 */
import { setTimeout } from "node:timers/promises"

/** How long the last output may take, in milliseconds. */
export const FLUSH_MS = 500
const LOOK_MS = 10

/** Exit codes of a program that has done its work. */
export const DONE = 0
/** The drain had to cut tunnels. */
export const TUNNELS_CUT = 3

/**
 * Exits once the output has been written, after `FLUSH_MS` at the latest.
 *
 * `process.exit` waits for libuv's threads, and `getaddrinfo` can keep one for a minute. If one is still busy
 * after a run, the process ends itself by SIGTERM, which supervisors count as clean too. A failure keeps its
 * exit code.
 */
export async function end(code: number): Promise<void> {
  const deadline = performance.now() + FLUSH_MS
  while (isBusy() && performance.now() < deadline) await setTimeout(LOOK_MS)
  if ((code === DONE || code === TUNNELS_CUT) && isThreadBusy()) {
    process.removeAllListeners("SIGTERM")
    process.kill(process.pid, "SIGTERM")
  }
  process.exit(code)
}

function isBusy(): boolean {
  return process.stdout.writableLength > 0 || process.stderr.writableLength > 0 || isThreadBusy()
}

/** File operations and lookups run in libuv's threads. */
function isThreadBusy(): boolean {
  return process.getActiveResourcesInfo().some((name) => /^(FSReq|GetAddrInfo|GetNameInfo)/.test(name))
}
