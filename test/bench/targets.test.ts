/** Targets are judged against the right rival, round by round. */
import t from "tap"
import { MEASURES } from "../../bench/measures/all.js"
import type { Finding } from "../../bench/measures/measure.js"
import { formatTargets, judge, TARGETS } from "../../bench/report/targets.js"

function handshakes(values: Readonly<Record<string, readonly number[]>>): Finding {
  const cost = { name: "µs", values: new Map(Object.entries(values)) }
  return { name: "handshakes", title: "", series: [cost] }
}

const againstPeers = { finding: "handshakes", against: "best peer", atMost: 0.6 } as const
const againstBare = { finding: "handshakes", against: "bare copy", atMost: 1.2 } as const

t.test("every target is about a measure that exists", async (t) => {
  const names = MEASURES.map(({ name }) => name)
  for (const { finding } of TARGETS) t.ok(names.includes(finding.replace(/-many$/, "")), finding)
})

t.test("the best peer is the one with the lowest median", async (t) => {
  const run = handshakes({ rws: [60, 60, 60], httpxy: [100, 100, 1], "http-proxy": [90, 90, 90], nginx: [1] })
  const judgement = judge(againstPeers, [run])
  t.equal(judgement?.rival, "http-proxy")
  t.equal(judgement?.ratio.toFixed(2), "0.67")
})

t.test("the ratio compares the rounds, so that a slow round of both does not count", async (t) => {
  const run = handshakes({ rws: [11, 110, 11], bare: [10, 100, 10] })
  t.equal(judge(againstBare, [run])?.ratio.toFixed(2), "1.10")
})

t.test("a target that the run has not measured is not judged", async (t) => {
  t.equal(judge(againstBare, []), undefined)
  t.equal(judge(againstBare, [handshakes({ rws: [11] })]), undefined)
  t.equal(formatTargets([]), "")
})

t.test("the table says which targets are met and by how much others are missed", async (t) => {
  const table = formatTargets([handshakes({ rws: [130], bare: [100], httpxy: [260] })])
  t.match(table, /bare copy .* 1\.30 +1\.20 +missed by 0\.10/)
  t.match(table, /best peer .* 0\.50 +0\.60 +met/)
})
