/** `--cpu-prof` and `--allocations`: one contender, one work. */
import { writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { BARE, PEERS, RWS } from "./contenders/contender.js"
import type { Runtime } from "./contenders/runtime.js"
import { WORKS } from "./measures/all.js"
import { profileAllocations, profileCpu } from "./measures/profiles.js"
import type { Options } from "./options.js"
import { formatAllocations, formatCpuProfile } from "./report/profiles.js"

const LOOK_MS = 5000
const QUICK_LOOK_MS = 1000

/** What runs in Node. */
const SUBJECTS = [RWS, BARE, ...PEERS]

export async function lookInside(options: Options, backendPort: number, runtime: Runtime): Promise<void> {
  const contender = SUBJECTS.find((name) => options.contenders?.includes(name)) ?? RWS
  const work = WORKS.find(({ name }) => options.only.includes(name))
  if (work === undefined) throw new Error(`expected --only with one of ${WORKS.map(({ name }) => name)}`)
  const subject = { contender, work, backendPort, runtime, plan: options.plan }
  const ms = options.quick ? QUICK_LOOK_MS : LOOK_MS
  console.log(`${contender}. ${work.title}\n`)
  if (options.look === "allocations") {
    console.log(formatAllocations(work.unit, await profileAllocations(subject, ms)))
    return
  }
  const cpu = await profileCpu(subject, ms)
  const file = join(tmpdir(), `${contender}-${work.name}-${Date.now()}.cpuprofile`)
  writeFileSync(file, JSON.stringify(cpu.profile))
  console.log(formatCpuProfile(work.unit, cpu, file))
}
