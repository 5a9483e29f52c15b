/** Memory per idle tunnel. Every contender is started afresh for it. */
import { setTimeout as delay } from "node:timers/promises"
import type { Child } from "../contenders/child.js"
import { type Entry, startContender } from "../contenders/contender.js"
import { openFilesLimits } from "../contenders/runtime.js"
import type { Usage } from "../contenders/usage.js"
import { Tunnel } from "../load/tunnel.js"
import { inTurn } from "./in-turn.js"
import { type Arena, type Finding, type Measure, times } from "./measure.js"

/** How often and for how long a process is watched until its memory is steady. */
const SETTLING_CHECKS = 30
const LEAST_CHECKS = 5
const SETTLING_MS = 200
const STEADY_BYTES = 64 * 1024
/** Opened and closed first, so that one-time allocations are not counted. */
const WARM_UP_TUNNELS = 200
/** Tunnels opened concurrently. */
const OPENING = 50
/** Open files of this process and of the backend beside one per tunnel: pipes, modules, the terminal. */
const OTHER_FILES = 200

export const memory: Measure = {
  name: "memory",
  async run(arena: Arena): Promise<Finding[]> {
    const { few, many } = arena.plan.idleTunnels
    const findings = [await measureTunnels("memory", few, arena)]
    if (many === undefined) return findings
    const fit = Math.min(many, mostTunnels())
    if (fit < many) console.log(`\n${many} tunnels don't fit into the limit of open files, but ${fit} do`)
    return [...findings, await measureTunnels("memory-many", fit, arena)]
  },
}

/** The number for which every process may open enough files. */
function mostTunnels(): number {
  const { own = Number.POSITIVE_INFINITY, contender = Number.POSITIVE_INFINITY } = openFilesLimits()
  // rws keeps a reserve, of which the README's section on sizing says how large it is. It needs the most.
  const most = Math.min(own - OTHER_FILES, (contender - 1200) / 2.2)
  return Math.floor(most / 100) * 100
}

async function measureTunnels(
  name: string,
  tunnels: number,
  { entries, backendPort, plan }: Arena,
): Promise<Finding> {
  const rss = new Map<string, number[]>()
  const collected = new Map<string, number[]>()
  const heap = new Map<string, number[]>()
  let standing = entries.filter(({ kind }) => kind !== "direct")
  for (let round = 0; round < plan.memoryRounds; round++) {
    standing = await inTurn(`${tunnels} tunnels`, standing, async (entry) => {
      const growth = await growthOf(entry, backendPort, tunnels)
      append(rss, entry.name, growth.rssKiB)
      if (growth.heapKiB === undefined) return
      append(collected, entry.name, growth.collectedKiB)
      append(heap, entry.name, growth.heapKiB)
    })
  }
  return {
    name,
    title: `Memory: growth over ${tunnels} idle tunnels of a fresh process; each has carried one message`,
    series: [
      { name: "RSS KiB/tunnel", values: rss },
      { name: "RSS after GC", values: collected },
      { name: "heap after GC", values: heap },
    ],
  }
}

function append(values: Map<string, number[]>, name: string, value: number): void {
  values.set(name, [...(values.get(name) ?? []), value])
}

interface Growth {
  /** Resident memory, as the process leaves it. */
  readonly rssKiB: number
  /** The same after a forced garbage collection. */
  readonly collectedKiB: number
  /** V8's heap after the collection; undefined in programs that are not Node's. */
  readonly heapKiB: number | undefined
}

/** For each tunnel that has carried one small message both ways and is now idle. */
async function growthOf(entry: Entry, backendPort: number, tunnels: number): Promise<Growth> {
  const { port, process } = await startContender(entry, backendPort)
  if (process === undefined) throw new Error("it has no process")
  try {
    await closeAll(await openAll(port, WARM_UP_TUNNELS))
    await process.collect()
    const before = await settledUsage(process)
    const open = await openAll(port, tunnels)
    const after = await process.usage()
    await process.collect()
    const collected = await process.usage()
    await closeAll(open)
    const perTunnel = (bytes = 0, bytesBefore = 0) => (bytes - bytesBefore) / tunnels / 1024
    return {
      rssKiB: perTunnel(after.rssBytes, before.rssBytes),
      collectedKiB: perTunnel(collected.rssBytes, before.rssBytes),
      heapKiB: collected.heapBytes && perTunnel(collected.heapBytes, before.heapBytes),
    }
  } finally {
    await process.stop()
  }
}

/** V8 gives what a collection has freed back to the system later, which must not count for the tunnels. */
async function settledUsage(process: Child): Promise<Usage> {
  let usage = await process.usage()
  for (let checks = 0; checks < SETTLING_CHECKS; checks++) {
    await delay(SETTLING_MS)
    const { rssBytes } = usage
    usage = await process.usage()
    if (checks >= LEAST_CHECKS && Math.abs(usage.rssBytes - rssBytes) < STEADY_BYTES) break
  }
  return usage
}

async function openAll(port: number, count: number): Promise<Tunnel[]> {
  const tunnels: Tunnel[] = []
  let due = count
  await times(OPENING, async () => {
    while (due-- > 0) tunnels.push(await openOne(port))
  })
  return tunnels
}

async function openOne(port: number): Promise<Tunnel> {
  const tunnel = await Tunnel.open(port, "/echo")
  await new Promise<void>((resolve, reject) => {
    tunnel.onBytes = () => resolve()
    tunnel.broken().catch(reject)
    tunnel.socket.write("m")
  })
  return tunnel
}

async function closeAll(tunnels: readonly Tunnel[]): Promise<void> {
  await Promise.all(tunnels.map((tunnel) => tunnel.close()))
}
