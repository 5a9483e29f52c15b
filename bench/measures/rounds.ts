/**
 * Gives all contenders the same work in turn, round after round, so that what disturbs the machine disturbs
 * them all.
 *
 * Nobody's garbage is collected by force in between: that would throw away the code that V8 has optimized for
 * objects of which none is alive at that moment, and every round would measure the compiler.
 */
import type { Contender } from "../contenders/contender.js"
import type { Load, Measure } from "./measure.js"

export interface Plan {
  /** Each contender works so long, times the `warmUp` of the measure, before it is measured. */
  readonly warmUpMs: number
  readonly rounds: number
  /** How long each contender works in each round. */
  readonly roundMs: number
}

/** Figures of one contender, one number per round. */
export interface Result {
  readonly contender: Contender
  /** Microseconds of CPU time of its process for each unit; empty where there is no process. */
  readonly cpuMicros: number[]
  readonly unitsPerSecond: number[]
}

interface Lane extends Result {
  readonly load: Load
}

/** Resolves to a result for each contender that sustains the load. Rejects if rws does not. */
export async function runRounds(
  measure: Measure,
  contenders: readonly Contender[],
  plan: Plan,
): Promise<Result[]> {
  let lanes: Lane[] = []
  for (const contender of contenders) {
    await standing(contender, measure, async () => {
      const load = await measure.open(contender.port)
      await load.run((contender.process ? measure.warmUp : 1) * plan.warmUpMs)
      lanes.push({ contender, load, cpuMicros: [], unitsPerSecond: [] })
    })
  }
  for (let round = 0; round < plan.rounds; round++) {
    for (const lane of lanes) {
      const stood = await standing(lane.contender, measure, () => runRound(lane, plan.roundMs))
      if (!stood) lanes = lanes.filter((other) => other !== lane)
    }
  }
  for (const { load } of lanes) await load.close()
  return lanes
}

async function runRound({ contender, load, cpuMicros, unitsPerSecond }: Lane, ms: number): Promise<void> {
  const before = await contender.process?.usage()
  const startedMs = performance.now()
  const units = await load.run(ms)
  const seconds = (performance.now() - startedMs) / 1000
  const after = await contender.process?.usage()
  if (units === 0) throw new Error("nothing was done")
  if (before && after) cpuMicros.push((after.cpuMicros - before.cpuMicros) / units)
  unitsPerSecond.push(units / seconds)
}

/**
 * Whether the contender stands it. One that does not drops out of this measure, and the others go on; not so
 * rws.
 */
async function standing(
  { name, kind }: Contender,
  measure: Measure,
  work: () => Promise<void>,
): Promise<boolean> {
  try {
    await work()
    return true
  } catch (error) {
    if (kind === "rws" || !(error instanceof Error)) throw error
    console.log(`\n${name} drops out of ${measure.name}: ${error.message}`)
    return false
  }
}
