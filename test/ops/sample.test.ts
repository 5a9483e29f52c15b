import t from "tap"
import { isSampled } from "../../lib/ops/sample.js"
import type { SessionSummary } from "../../lib/ops/session-summary.js"

function session(client: string, requestId?: string): SessionSummary {
  const counts = { bytesFromClient: 0, bytesFromBackend: 0 }
  return { listener: "chat", client, startedAt: 0, ...counts, ...(requestId !== undefined && { requestId }) }
}

const IDS: { what: string; of: (index: number) => SessionSummary }[] = [
  { what: "consecutive request ids", of: (index) => session("unix", `request-${index}`) },
  { what: "consecutive ports", of: (index) => session(`192.0.2.1:${index}`) },
  { what: "UUIDs", of: () => session("unix", crypto.randomUUID()) },
]

for (const { what, of } of IDS) {
  t.test(`of sessions with ${what} about one in ten is chosen`, async (t) => {
    const chosen = Array.from({ length: 20_000 }, (_, index) => of(index)).filter((one) => isSampled(one, 10))
    t.ok(Math.abs(chosen.length - 2000) < 300, `${chosen.length} of 20000`)
  })
}

t.test("with 1 every session is chosen", async (t) => {
  for (let index = 0; index < 1000; index++) t.ok(isSampled(session(`192.0.2.1:${index}`), 1))
})

t.test("the request id alone decides, so that all lines about it stay together", async (t) => {
  for (let index = 0; index < 100; index++) {
    const [one, other] = [session("a:1", `id-${index}`), session("b:2", `id-${index}`)]
    t.equal(isSampled(one, 3), isSampled(other, 3))
  }
})
