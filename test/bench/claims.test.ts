/** The benchmark checks what the README really says, and judges by medians. */
import t from "tap"
import type { Finding } from "../../bench/measures/measure.js"
import { CLAIMS, formatClaims, verify } from "../../bench/report/claims.js"
import { README } from "../support/project/readme.js"

const PROSE = README.replace(/\s+/g, " ")

function finding(name: string, values: Readonly<Record<string, readonly number[]>>): Finding {
  return { name, title: "", series: [{ name: "cost", values: new Map(Object.entries(values)) }] }
}

t.test("every claim is a statement of the README", async (t) => {
  for (const { quote } of CLAIMS) t.ok(PROSE.includes(quote), quote)
})

t.test("a claim holds or not by the medians of the run", async (t) => {
  const claim = CLAIMS.find(({ finding }) => finding === "handshakes")
  if (claim === undefined) throw new Error("there is no claim on handshakes")
  const cheaper = finding("handshakes", { rws: [9, 5, 5], nginx: [4, 4, 90], haproxy: [3, 3, 3] })
  const dearer = finding("handshakes", { rws: [2, 2, 2], nginx: [4, 4, 4], haproxy: [3, 3, 3] })
  t.equal(verify(claim, [cheaper])?.holds, true)
  t.equal(verify(claim, [dearer])?.holds, false)
})

t.test("a claim that the run has not measured is left open", async (t) => {
  const partly = finding("handshakes", { rws: [5], nginx: [4] })
  t.equal(formatClaims([]), "")
  t.equal(formatClaims([partly]), "")
})
