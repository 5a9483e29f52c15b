/** All contenders: rws, bare copies, the other Node proxies, system proxies, and no proxy at all. */
import { readFileSync } from "node:fs"
import { startCRelay } from "./c-relay.js"
import { type Child, startChild } from "./child.js"
import { startHaproxy } from "./haproxy.js"
import { startNginx } from "./nginx.js"
import type { Runtime } from "./runtime.js"
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

/** A "copy" reads no head and refuses nothing: it shows what can't be saved. A "peer" is a Node proxy. */
export type Kind = "direct" | "rws" | "copy" | "peer" | "system"

/** What can be started. */
export interface Entry {
  readonly name: string
  readonly kind: Kind
  readonly version: string
  /** Whether it takes part in a quick run. */
  readonly isQuick: boolean
  readonly start: (backendPort: number) => Promise<Child | undefined>
}

export const RWS = "rws"
export const BARE = "bare"
export const PEERS: readonly string[] = ["http-proxy", "http-proxy-3", "httpxy"]

/** Every entry that can be started on this machine, and the programs that others need. */
export function entries(runtime: Runtime): { readonly entries: Entry[]; readonly missing: string[] } {
  const missing: string[] = []
  const systemEntry = (
    name: string,
    kind: Kind,
    version: string | undefined,
    start: Entry["start"],
  ): Entry[] => {
    if (version === undefined) missing.push(name)
    return version === undefined ? [] : [{ name, kind, version, start, isQuick: false }]
  }
  const all: Entry[] = [
    { name: "direct", kind: "direct", version: "no proxy", isQuick: true, start: async () => undefined },
    nodeEntry(RWS, "rws", packageVersion("package.json"), runtime),
    nodeEntry(BARE, "copy", "node:net", runtime),
    ...systemEntry("c-relay", "copy", installedVersion("gcc", "-dumpfullversion"), startCRelay),
    ...PEERS.map((name) =>
      nodeEntry(name, "peer", packageVersion(`node_modules/${name}/package.json`), runtime),
    ),
    ...systemEntry("nginx", "system", installedVersion("nginx", "-v"), startNginx),
    ...systemEntry("haproxy", "system", installedVersion("haproxy", "-v"), startHaproxy),
  ]
  return { entries: all, missing }
}

export async function startContender({ name, kind, start }: Entry, backendPort: number): Promise<Contender> {
  const process = await start(backendPort)
  return { name, kind, port: process?.port ?? backendPort, process }
}

/** The version of a package of ours, or of our own. */
export function packageVersion(file: string): string {
  const text = readFileSync(new URL(`../../../${file}`, import.meta.url), "utf8")
  return (JSON.parse(text) as { version: string }).version
}

function nodeEntry(name: string, kind: Kind, version: string, runtime: Runtime): Entry {
  const start = (backendPort: number) => startChild(`contenders/${name}.js`, [String(backendPort)], runtime)
  return { name, kind, version, isQuick: true, start }
}
