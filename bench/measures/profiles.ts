/**
 * Looks into one contender that runs in Node while it does one work: where its CPU time goes, or what it
 * allocates. `--cpu-prof` and `--allocations`.
 */
import type { Collections } from "../contenders/answers.js"
import { type NodeChild, startChild } from "../contenders/child.js"
import type { Runtime } from "../contenders/runtime.js"
import { type Cost, costsOfAllocations, costsOfCpu } from "../report/costs.js"
import type { Plan } from "./measure.js"
import { type Load, type Work, warmUp } from "./work.js"

export interface Subject {
  readonly contender: string
  readonly work: Work
  readonly backendPort: number
  readonly runtime: Runtime
  readonly plan: Plan
}

export interface CpuProfile {
  /** In the form that Chrome's DevTools read. */
  readonly profile: object
  readonly units: number
  /** Microseconds by function. */
  readonly costs: readonly Cost[]
}

export function profileCpu(subject: Subject, ms: number): Promise<CpuProfile> {
  return lookInto(subject, async (child, load) => {
    await child.ask("startCpuProfile")
    const units = await load.run(ms)
    const profile = await child.ask("stopCpuProfile")
    return { profile, units, costs: costsOfCpu(profile) }
  })
}

export interface Allocations {
  readonly units: number
  readonly heapBytes: number
  readonly scavenges: number
  /** Marking and sweeping of the whole heap, in its steps. */
  readonly otherCollections: number
  readonly collectionMs: number
  /** Bytes by function, of as many units again. They are samples. */
  readonly costs: readonly Cost[]
  readonly sampledUnits: number
}

/** Counts first and samples then, since sampling itself allocates. */
export function profileAllocations(subject: Subject, ms: number): Promise<Allocations> {
  return lookInto(subject, async (child, load) => {
    await child.ask("startCollections")
    const units = await load.run(ms)
    const collections = await child.ask("stopCollections")
    await child.ask("startAllocations")
    const sampledUnits = await load.run(ms)
    const costs = costsOfAllocations(await child.ask("stopAllocations"))
    return { units, ...summaryOf(collections), costs, sampledUnits }
  })
}

async function lookInto<Findings>(
  { contender, work, backendPort, runtime, plan }: Subject,
  look: (child: NodeChild, load: Load) => Promise<Findings>,
): Promise<Findings> {
  const child = await startChild(`contenders/${contender}.js`, [String(backendPort)], runtime)
  const load = await work.open(child.port)
  await warmUp({ process: child, load }, work.warmUpUnits, plan)
  const findings = await look(child, load)
  await load.close()
  await child.stop()
  return findings
}

/** What was allocated is what the heap has grown by between one collection and the next. */
function summaryOf({ heapBytesBefore, heapBytesAfter, statistics }: Collections) {
  let heapBytes = 0
  let used = heapBytesBefore
  let micros = 0
  for (const { beforeGC, afterGC, cost } of statistics) {
    heapBytes += Math.max(0, beforeGC.heapStatistics.usedHeapSize - used)
    used = afterGC.heapStatistics.usedHeapSize
    micros += cost
  }
  const scavenges = statistics.filter(({ gcType }) => gcType === "Scavenge").length
  return {
    heapBytes: heapBytes + Math.max(0, heapBytesAfter - used),
    scavenges,
    otherCollections: statistics.length - scavenges,
    collectionMs: micros / 1000,
  }
}
