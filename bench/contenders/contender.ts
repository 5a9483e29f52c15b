/** All contenders: rws, the other Node proxies, installed system proxies, and no proxy at all. */
import { readFileSync } from "node:fs"
import { type Child, startChild } from "./child.js"
import { startHaproxy } from "./haproxy.js"
import { startNginx } from "./nginx.js"
import { installedVersion } from "./system-process.js"

/** A running contender in its own process. */
export interface Contender {
  readonly name: string
  readonly kind: Kind
  /** Where clients connect to. */
  readonly port: number
  /** Absent if nothing is between the clients and the backend. */
  readonly process: Child | undefined
}

export type Kind = "direct" | "rws" | "node" | "system"

/** What can be started. */
export interface Entry {
  readonly name: string
  readonly kind: Kind
  readonly version: string
  readonly start: (backendPort: number) => Promise<Child | undefined>
}

/** Every entry that can be started on this machine. */
export function entries(): Entry[] {
  return [
    { name: "direct", kind: "direct", version: "no proxy", start: async () => undefined },
    nodeEntry("rws", "rws", "package.json"),
    nodeEntry("http-proxy"),
    nodeEntry("http-proxy-3"),
    nodeEntry("httpxy"),
    ...systemEntry("nginx", startNginx),
    ...systemEntry("haproxy", startHaproxy),
  ]
}

export async function startContender({ name, kind, start }: Entry, backendPort: number): Promise<Contender> {
  const process = await start(backendPort)
  return { name, kind, port: process?.port ?? backendPort, process }
}

/** Starts them all. Those of the system may refuse to run on this machine; they are left out. */
export async function startContenders(entries: readonly Entry[], backendPort: number): Promise<Contender[]> {
  const started = entries.map(async (entry) => {
    try {
      return [await startContender(entry, backendPort)]
    } catch (error) {
      if (entry.kind !== "system") throw error
      console.log(`${entry.name} can't be started: ${String(error)}`)
      return []
    }
  })
  return (await Promise.all(started)).flat()
}

/** The version of a package of ours, or of our own. */
export function packageVersion(file: string): string {
  const text = readFileSync(new URL(`../../../${file}`, import.meta.url), "utf8")
  return (JSON.parse(text) as { version: string }).version
}

function nodeEntry(name: string, kind: Kind = "node", file = `node_modules/${name}/package.json`): Entry {
  return {
    name,
    kind,
    version: packageVersion(file),
    start: (backendPort) => startChild(`contenders/${name}.js`, [String(backendPort)]),
  }
}

function systemEntry(name: string, start: Entry["start"]): Entry[] {
  const version = installedVersion(name)
  return version === undefined ? [] : [{ name, kind: "system", version, start }]
}
