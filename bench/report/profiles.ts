/** Profiles as tables: the dearest files, then the dearest functions. */
import type { Allocations, CpuProfile } from "../measures/profiles.js"
import { byFile, type Cost } from "./costs.js"
import { formatNumber, formatTable } from "./table.js"

const FILES = 25
const FUNCTIONS = 40

export function formatCpuProfile(unit: string, { units, costs }: CpuProfile, file: string): string {
  const title = `CPU time of the main thread by itself, in ${units} × ${unit}; µs for each`
  return `${title}\n\n${formatCosts("µs", costs, units)}\n\nWritten to ${file}; Chrome's DevTools open it.`
}

export function formatAllocations(unit: string, allocations: Allocations): string {
  const { units, heapBytes, scavenges, otherCollections, collectionMs, costs, sampledUnits } = allocations
  const rows = [
    [`heap bytes allocated per ${unit}`, formatNumber(heapBytes / units)],
    [`${unit}s per scavenge`, scavenges === 0 ? "none" : formatNumber(units / scavenges)],
    ["scavenges", String(scavenges)],
    ["other collections", String(otherCollections)],
    [`µs of garbage collection per ${unit}`, formatNumber((collectionMs * 1000) / units)],
  ]
  const title = `Allocations in ${units} × ${unit}`
  const sampled = `Who allocates (samples of ${sampledUnits} more); bytes for each`
  const tables = [formatTable(["", "count"], rows), sampled, formatCosts("bytes", costs, sampledUnits)]
  return `${title}\n\n${tables.join("\n\n")}`
}

function formatCosts(unit: string, costs: readonly Cost[], units: number): string {
  const total = costs.reduce((sum, { amount }) => sum + amount, 0)
  const cells = (amount: number) => [formatNumber(amount / units), `${((100 * amount) / total).toFixed(1)} %`]
  const files = byFile(costs).slice(0, FILES)
  const functions = costs.slice(0, FUNCTIONS)
  return [
    formatTable(
      ["file", unit, "part"],
      [["all", ...cells(total)], ...files.map(({ file, amount }) => [file, ...cells(amount)])],
    ),
    formatTable(
      ["function", unit, "part"],
      functions.map(({ function: name, file, amount }) => [`${name} ${file}`.trim(), ...cells(amount)]),
    ),
  ].join("\n\n")
}
