/** What rws aims at, as multiples of what others use in the same run, and whether it gets there. */
import { BARE, PEERS, RWS } from "../contenders/contender.js"
import type { Finding } from "../measures/measure.js"
import { ratioOf, spreadOf } from "./statistics.js"
import { formatNumber, formatTable } from "./table.js"

export interface Target {
  /** The name of a finding; its first series counts. */
  readonly finding: string
  /** The bare copy, or the cheapest of the other Node proxies. */
  readonly against: "bare copy" | "best peer"
  readonly atMost: number
}

export const TARGETS: readonly Target[] = [
  { finding: "handshakes", against: "bare copy", atMost: 1.2 },
  { finding: "handshakes", against: "best peer", atMost: 0.6 },
  { finding: "handshakes-rst", against: "bare copy", atMost: 1.2 },
  { finding: "handshakes-rst", against: "best peer", atMost: 0.6 },
  { finding: "refusals", against: "best peer", atMost: 1 },
  { finding: "messages", against: "best peer", atMost: 0.85 },
  { finding: "messages-4k", against: "best peer", atMost: 0.75 },
  { finding: "download", against: "best peer", atMost: 0.6 },
  { finding: "upload", against: "best peer", atMost: 0.6 },
  { finding: "memory", against: "best peer", atMost: 0.55 },
  { finding: "memory-many", against: "best peer", atMost: 0.55 },
  { finding: "latency", against: "best peer", atMost: 1 },
]

export interface Judgement extends Target {
  readonly unit: string
  readonly rws: number
  readonly rival: string
  readonly rivals: number
  /** The median of the ratios, round by round. */
  readonly ratio: number
}

/** Undefined if the run has not measured it. */
export function judge(target: Target, findings: readonly Finding[]): Judgement | undefined {
  const [series] = findings.find(({ name }) => name === target.finding)?.series ?? []
  if (series === undefined) return undefined
  const { name: unit, values } = series
  const medianOf = (name: string) => spreadOf(values.get(name) ?? [])?.median ?? Number.POSITIVE_INFINITY
  const [rival = ""] = (target.against === "bare copy" ? [BARE] : PEERS).toSorted(
    (one, other) => medianOf(one) - medianOf(other),
  )
  const ratio = ratioOf(values.get(RWS) ?? [], values.get(rival) ?? [])
  if (ratio === undefined) return undefined
  return { ...target, unit, rws: medianOf(RWS), rival, rivals: medianOf(rival), ratio }
}

/** "" if the run has measured none of them. */
export function formatTargets(findings: readonly Finding[]): string {
  const rows = TARGETS.flatMap((target) => judge(target, findings) ?? []).map(
    ({ finding, unit, rws, rival, rivals, ratio, against, atMost }) => [
      `${finding}, ${unit}, by the ${against}`,
      formatNumber(rws),
      `${rival} ${formatNumber(rivals)}`,
      ratio.toFixed(2),
      atMost.toFixed(2),
      ratio <= atMost ? "met" : `missed by ${(ratio - atMost).toFixed(2)}`,
    ],
  )
  if (rows.length === 0) return ""
  return `Targets\n\n${formatTable(["", RWS, "against", "ratio", "at most", "target"], rows)}`
}
