/**
 * Findings as tables. "rws uses x" is what rws has used as a multiple of what the contender of that line has
 * used.
 */
import { RWS } from "../contenders/contender.js"
import type { Finding, Series } from "../measures/measure.js"
import { ratioOf, spreadOf } from "./statistics.js"
import { formatNumber, formatTable } from "./table.js"

const NOTHING = "-"

export function formatFinding({ title, series }: Finding): string {
  const [{ values }] = series
  const rws = values.get(RWS)
  const header = ["", ...series.flatMap(({ name }) => [name, "min-max"]), ...(rws ? ["rws uses x"] : [])]
  const rows = namesIn(series).map((name) => [
    name,
    ...series.flatMap(({ values }) => spreadCells(values.get(name) ?? [])),
    ...(rws ? [name === RWS ? NOTHING : ratioCell(rws, values.get(name) ?? [])] : []),
  ])
  return `${title}\n\n${formatTable(header, rows)}`
}

function namesIn(series: readonly Series[]): string[] {
  return [...new Set(series.flatMap(({ values }) => [...values.keys()]))]
}

function ratioCell(values: readonly number[], others: readonly number[]): string {
  return ratioOf(values, others)?.toFixed(2) ?? NOTHING
}

function spreadCells(values: readonly number[]): [string, string] {
  const spread = spreadOf(values)
  if (spread === undefined) return [NOTHING, NOTHING]
  return [formatNumber(spread.median), `${formatNumber(spread.min)}-${formatNumber(spread.max)}`]
}
