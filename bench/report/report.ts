/**
 * Results as tables. "rws uses" is what rws has used as a multiple of what the contender of that line has
 * used.
 */
import type { Measure } from "../measures/measure.js"
import type { Result } from "../measures/rounds.js"
import { ratioOf, spreadOf } from "./statistics.js"
import { formatNumber, formatTable } from "./table.js"

const NOTHING = "-"

/** One line for each contender. */
export function formatResults({ unit, cpuUnit, rate, title }: Measure, results: readonly Result[]): string {
  const cpu = `CPU ${cpuUnit.name}/${unit}`
  const header = ["", cpu, `min-max ${cpuUnit.name}`, rate, `min-max ${rate}`, "rws uses x"]
  const rows = results.map(({ contender, cpuMicros, unitsPerSecond }) => [
    contender.name,
    ...spreadCells(cpuMicros, cpuUnit.micros),
    ...spreadCells(unitsPerSecond, 1),
    contender.kind === "rws" ? NOTHING : ratioCell(cpuOfRws(results), cpuMicros),
  ])
  return `${title}\n\n${formatTable(header, rows)}`
}

/** Bytes of memory for each tunnel, by contender. */
export function formatMemory(tunnels: number, bytes: ReadonlyMap<string, readonly number[]>): string {
  const rws = bytes.get("rws") ?? []
  const rows = [...bytes].map(([name, samples]) => [
    name,
    ...spreadCells(samples, 1024),
    name === "rws" ? NOTHING : ratioCell(rws, samples),
  ])
  const title = `Memory: ${tunnels} idle tunnels, each has carried one message; resident memory of the process`
  return `${title}\n\n${formatTable(["", "KiB/tunnel", "min-max KiB", "rws uses x"], rows)}`
}

/** Whether rws keeps to the target of a measure against each other Node proxy: lines for `formatVerdict`. */
export function judge({ name, unit, target }: Measure, results: readonly Result[]): string[][] {
  return results.flatMap(({ contender, cpuMicros }) => {
    const ratio = ratioOf(cpuOfRws(results), cpuMicros)
    if (contender.kind !== "node" || target === undefined || ratio === undefined) return []
    const outcome = ratio <= target ? "met" : `missed by ${(ratio - target).toFixed(2)} x`
    return [[`${name}: CPU per ${unit} of ${contender.name}`, ratio.toFixed(2), target.toFixed(2), outcome]]
  })
}

export function formatVerdict(judged: readonly string[][]): string {
  const title =
    "Targets: half the CPU time of each other Node proxy per handshake, no more per message and per MB"
  return `${title}\n\n${formatTable(["", "rws uses x", "at most x", "target"], judged)}`
}

function cpuOfRws(results: readonly Result[]): readonly number[] {
  return results.find(({ contender }) => contender.kind === "rws")?.cpuMicros ?? []
}

function ratioCell(values: readonly number[], others: readonly number[]): string {
  return ratioOf(values, others)?.toFixed(2) ?? NOTHING
}

function spreadCells(values: readonly number[], divisor: number): [string, string] {
  const spread = spreadOf(values.map((value) => value / divisor))
  if (spread === undefined) return [NOTHING, NOTHING]
  return [formatNumber(spread.median), `${formatNumber(spread.min)}-${formatNumber(spread.max)}`]
}
