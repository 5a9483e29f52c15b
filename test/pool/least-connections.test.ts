import t from "tap"
import type { Backend } from "../../lib/pool/backend.js"
import { compareLoad, orderLeastConnections } from "../../lib/pool/least-connections.js"
import { RoundRobin } from "../../lib/pool/round-robin.js"
import { backendsOf, countFirsts, load, namesOf } from "../support/pool/backends.js"
import { between, seededRandom } from "../support/project/random.js"

const CASES: { weights: number[]; sessions: number[]; order: string }[] = [
  { weights: [1, 1, 1], sessions: [2, 0, 1], order: "BCA" },
  { weights: [1, 1, 1], sessions: [0, 1, 2], order: "ABC" },
  { weights: [1, 3], sessions: [1, 2], order: "BA" },
  { weights: [1, 3], sessions: [1, 4], order: "AB" },
  { weights: [2, 3, 5], sessions: [2, 2, 2], order: "CBA" },
  { weights: [1000, 999], sessions: [1000, 1000], order: "AB" },
]

for (const { weights, sessions, order } of CASES) {
  t.test(`with weights ${weights} and ${sessions} sessions the order is ${order}`, async (t) => {
    const backends = backendsOf(...weights)
    load(backends, ...sessions)
    const turn = new RoundRobin()
    for (let again = 0; again < 3; again++) {
      t.equal(namesOf(orderLeastConnections(backends, turn)).join(""), order)
    }
  })
}

t.test("backends that are equally loaded take turns", async (t) => {
  const backends = backendsOf(1, 1, 1)
  const turn = new RoundRobin()
  const order = () => namesOf(orderLeastConnections(backends, turn)).join("")
  t.same([order(), order(), order(), order()], ["ABC", "BCA", "CAB", "ABC"])
})

t.test(
  "the first one always has the least load for its weight, and the load never falls along the order",
  async (t) => {
    const random = seededRandom(7)
    const turn = new RoundRobin()
    const wrong: unknown[] = []
    for (let round = 0; round < 300; round++) {
      const weights = Array.from({ length: between(random, 1, 6) }, () => between(random, 1, 10))
      const backends = backendsOf(...weights)
      load(backends, ...weights.map(() => between(random, 0, 12)))
      const order = orderLeastConnections(backends, turn)
      if (order.length !== backends.length || new Set(order).size !== backends.length) {
        wrong.push({ round, order: namesOf(order) })
      }
      for (const [index, backend] of order.entries()) {
        const next = order[index + 1]
        if (next === undefined) continue
        const isSorted = backend.active / backend.weight <= next.active / next.weight + 1e-12
        if (!isSorted || compareLoad(backend, next) > 0) wrong.push({ round, backend, next })
      }
    }
    t.same(wrong, [])
  },
)

t.test("sessions that stay are shared by weight, to within one each", async (t) => {
  const backends = backendsOf(1, 2, 5)
  const turn = new RoundRobin()
  for (let session = 0; session < 800; session++) orderLeastConnections(backends, turn)[0]?.acquire()
  for (const [index, share] of [100, 200, 500].entries()) {
    t.ok(Math.abs((backends[index]?.active ?? 0) - share) <= 1, `${backends[index]?.active}`)
  }
})

t.test("no backend starves while sessions come and go", async (t) => {
  const random = seededRandom(8)
  const backends = backendsOf(1, 1, 1, 1)
  const turn = new RoundRobin()
  const open: Backend[] = []
  const counts = countFirsts(backends, 4000, () => {
    while (open.length > between(random, 0, 10)) {
      open.splice(between(random, 0, open.length - 1), 1)[0]?.release()
    }
    const order = orderLeastConnections(backends, turn)
    const [first] = order
    if (first?.acquire()) open.push(first)
    return order
  })
  for (const count of counts) t.ok(count > 800 && count < 1200, `${counts}`)
})
