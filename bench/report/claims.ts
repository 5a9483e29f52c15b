/** What the README says about performance, and whether this run bears it out. */
import { RWS } from "../contenders/contender.js"
import type { Finding } from "../measures/measure.js"
import { spreadOf } from "./statistics.js"
import { formatNumber, formatTable } from "./table.js"

export interface Claim {
  /** As the README has it; it may be broken into lines there. */
  readonly quote: string
  /** The finding that decides, by its first series. */
  readonly finding: string
  /** `median` is that of a contender, NaN if it was not measured. Comparisons with NaN are false. */
  readonly holds: (median: (contender: string) => number) => boolean
  /** Whose figures decide. */
  readonly contenders: readonly string[]
}

export const CLAIMS: readonly Claim[] = [
  ...["handshakes", "handshakes-rst", "messages"].map((finding) => ({
    quote: "need less CPU time per tunnel",
    finding,
    contenders: ["nginx", "haproxy"],
    holds: (median: (contender: string) => number) =>
      median("nginx") < median(RWS) && median("haproxy") < median(RWS),
  })),
  ...["memory", "memory-many"].map((finding) => ({
    quote: "Plan 20 KiB of resident memory per idle tunnel.",
    finding,
    contenders: [],
    holds: (median: (contender: string) => number) => median(RWS) <= 20,
  })),
]

export interface Verdict {
  readonly claim: Claim
  readonly evidence: string
  readonly holds: boolean
}

/** Undefined if the run has not measured what the claim is about. */
export function verify(claim: Claim, findings: readonly Finding[]): Verdict | undefined {
  const finding = findings.find(({ name }) => name === claim.finding)
  const series = finding?.series[0]
  if (series === undefined) return undefined
  const median = (contender: string) => spreadOf(series.values.get(contender) ?? [])?.median ?? Number.NaN
  const names = [RWS, ...claim.contenders]
  if (names.some((name) => Number.isNaN(median(name)))) return undefined
  const evidence = names.map((name) => `${name} ${formatNumber(median(name))}`).join(", ")
  return { claim, evidence: `${claim.finding}, ${series.name}: ${evidence}`, holds: claim.holds(median) }
}

/** "" if the run has measured none of them. */
export function formatClaims(findings: readonly Finding[]): string {
  const rows = CLAIMS.flatMap((claim) => verify(claim, findings) ?? []).map(({ claim, evidence, holds }) => [
    `"${claim.quote}"`,
    evidence,
    holds ? "holds" : "DOES NOT HOLD",
  ])
  return rows.length === 0 ? "" : `Claims of the README\n\n${formatTable(["", "measured", "claim"], rows)}`
}
