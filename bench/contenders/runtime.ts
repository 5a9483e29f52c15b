/** The Node that runs the contenders: this one, or the one of `--node`. */
import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"

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
 * A command line that runs another one with as many open files as it may have: root can raise the hard limit,
 * everybody else gets what it is.
 */
export function withOpenFiles(program: string, args: readonly string[]): [string, ...string[]] {
  const script = `ulimit -n ${OPEN_FILES} 2>/dev/null || ulimit -n "$(ulimit -Hn)"; exec "$0" "$@"`
  return ["/bin/sh", "-c", script, program, ...args]
}

/** How many files this process may open; undefined where the system does not say. */
export function openFilesLimit(): number | undefined {
  try {
    const [, limit] = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "latin1")) ?? []
    return limit === undefined ? undefined : Number(limit)
  } catch {
    return undefined
  }
}
