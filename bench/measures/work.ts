/** Work that is the same for every contender, and what it costs their processes in CPU time. */
import type { Contender, Kind } from "../contenders/contender.js"
import { inTurn } from "./in-turn.js"
import type { Arena, Finding, Plan } from "./measure.js"

export interface Work {
  /** For `--only`. */
  readonly name: string
  readonly title: string
  /** What is counted, in the singular. */
  readonly unit: string
  /** Unit in which the CPU time is printed. */
  readonly cpuUnit: CpuUnit
  /**
   * Units before which rounds may agree only because all are slow: V8 optimizes by the number of calls. Less
   * for work that comes after similar work in the same process.
   */
  readonly warmUpUnits: number
  /** Contenders that don't do this work themselves. Default: none. */
  readonly without?: Kind
  /** Prepares the work for one contender, which is not measured. */
  open(port: number): Promise<Load>
}

export interface CpuUnit {
  readonly name: string
  readonly micros: number
}

export const MICROSECONDS: CpuUnit = { name: "µs", micros: 1 }
export const MILLISECONDS: CpuUnit = { name: "ms", micros: 1000 }

export interface Load {
  /** Works for about this many milliseconds. Resolves to the number of completed units. */
  run(ms: number): Promise<number>
  close(): Promise<void>
}

/** The warm-up is over when the cost of two rounds differs by no more than this part of it. */
const AGREEMENT = 0.04

/** One contender at work. */
interface Lane extends Pick<Contender, "name" | "kind" | "process"> {
  readonly load: Load
  readonly warmth: Warmth
  readonly cpu: number[]
  readonly rate: number[]
}

/**
 * Gives all contenders the same work in turn, round after round, so that what disturbs the machine disturbs
 * them all.
 *
 * Nobody's garbage is collected by force in between: that would throw away the code that V8 has optimized for
 * objects of which none is alive at that moment, and every round would measure the compiler.
 */
export async function measureWork(work: Work, { contenders, plan }: Arena): Promise<Finding> {
  const { name, title, unit, cpuUnit } = work
  let lanes: Lane[] = []
  await inTurn(
    name,
    contenders.filter(({ kind }) => kind !== work.without),
    async ({ name, kind, port, process }) => {
      const warmth = new Warmth(work.warmUpUnits, plan)
      lanes.push({ name, kind, process, load: await work.open(port), warmth, cpu: [], rate: [] })
    },
  )
  // In turn, and until all are warm: V8 throws optimized code away when a process has idled for seconds.
  while (lanes.some(({ warmth }) => !warmth.isEnough)) {
    lanes = await inTurn(name, lanes, async (lane) => lane.warmth.add(await runRound(lane, plan.roundMs)))
  }
  for (let round = 0; round < plan.rounds; round++) {
    lanes = await inTurn(name, lanes, async (lane) => {
      const { cpuMicros, unitsPerSecond } = await runRound(lane, plan.roundMs)
      if (cpuMicros !== undefined) lane.cpu.push(cpuMicros / cpuUnit.micros)
      lane.rate.push(unitsPerSecond)
    })
  }
  for (const { load } of lanes) await load.close()
  return {
    name,
    title,
    series: [
      { name: `CPU ${cpuUnit.name}/${unit}`, values: new Map(lanes.map(({ name, cpu }) => [name, cpu])) },
      { name: `${unit}/s`, values: new Map(lanes.map(({ name, rate }) => [name, rate])) },
    ],
  }
}

interface Round {
  readonly units: number
  /** For each unit; undefined where there is no process. */
  readonly cpuMicros: number | undefined
  readonly unitsPerSecond: number
}

/** Works until it is warm. Resolves to the last round. */
export async function warmUp(
  lane: Pick<Lane, "process" | "load">,
  minUnits: number,
  plan: Plan,
): Promise<Round> {
  const warmth = new Warmth(minUnits, plan)
  for (;;) {
    const round = await runRound(lane, plan.roundMs)
    warmth.add(round)
    if (warmth.isEnough) return round
  }
}

/** Enough are `minUnits` and two rounds that agree, or as much time as the plan allows. */
class Warmth {
  isEnough = false
  #units = 0
  #ms = 0
  #lastMicros = 0

  constructor(
    private readonly minUnits: number,
    private readonly plan: Plan,
  ) {}

  add({ units, cpuMicros, unitsPerSecond }: Round): void {
    this.#units += units
    this.#ms += (units / unitsPerSecond) * 1000
    const change = cpuMicros === undefined ? 0 : Math.abs(cpuMicros / this.#lastMicros - 1)
    this.#lastMicros = cpuMicros ?? 0
    const isWarm = cpuMicros === undefined || (this.#units >= this.minUnits && change < AGREEMENT)
    this.isEnough ||= isWarm || this.#ms >= this.plan.warmUpMs
  }
}

async function runRound({ process, load }: Pick<Lane, "process" | "load">, ms: number): Promise<Round> {
  const before = await process?.usage()
  const startedMs = performance.now()
  const units = await load.run(ms)
  const seconds = (performance.now() - startedMs) / 1000
  const after = await process?.usage()
  if (units === 0) throw new Error("nothing was done")
  const cpuMicros = before && after && (after.cpuMicros - before.cpuMicros) / units
  return { units, cpuMicros, unitsPerSecond: units / seconds }
}
