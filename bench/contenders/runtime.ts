/** The Node that runs the contenders: this one, or the one of `--node`. */
import { execFileSync, spawnSync } from "node:child_process"

export interface Runtime {
  readonly path: string
  /** Of Node and V8. */
  readonly version: string
  /** Options for Node and V8: those that the benchmark was started with. */
  readonly flags: readonly string[]
}

/** @throws if there is no such program, or if it is not Node */
export function runtimeAt(path: string): Runtime {
  const print = "process.version + ', V8 ' + process.versions.v8"
  const version = execFileSync(path, ["-p", print], { encoding: "utf8" }).trim()
  return { path, version, flags: process.execArgv }
}

/** The Node of the backend and of the clients, whatever runs the contenders. */
export const LOAD_RUNTIME: Runtime = { path: process.execPath, version: process.version, flags: [] }

/** Enough for both sockets of 9000 tunnels, and for what rws keeps in reserve. */
const OPEN_FILES = 65_536

/**
 * A command line that runs another one with as many open files as it may have: the superuser can raise
 * the hard limit, everybody else gets what it is.
 */
export function withOpenFiles(program: string, args: readonly string[]): [string, ...string[]] {
  const script = `ulimit -n ${OPEN_FILES} 2>/dev/null || ulimit -n "$(ulimit -Hn)"; exec "$0" "$@"`
  return ["/bin/sh", "-c", script, program, ...args]
}

/** How many files this process may open, and how many a contender may; undefined where `sh` does not say. */
export function openFilesLimits(): {
  readonly own: number | undefined
  readonly contender: number | undefined
} {
  const print = ["-c", "ulimit -n"]
  return { own: numberFrom(["/bin/sh", ...print]), contender: numberFrom(withOpenFiles("/bin/sh", print)) }
}

function numberFrom([program, ...args]: readonly [string, ...string[]]): number | undefined {
  const { stdout } = spawnSync(program, args, { encoding: "utf8" })
  const number = Number.parseInt(stdout, 10)
  return Number.isNaN(number) ? undefined : number
}
