import t from "tap"
import { orderRandom } from "../../lib/pool/random.js"
import { backendsOf, countFirsts, load, namesOf } from "../support/pool/backends.js"
import { between, seededRandom } from "../support/project/random.js"

/** A random source that gives these numbers, one after the other. */
function numbers(...values: number[]): () => number {
  return () => values.shift() ?? 0
}

const CASES: { weights: number[]; sessions: number[]; drawn: number[]; order: string }[] = [
  { weights: [1, 1, 1, 1], sessions: [0, 0, 0, 0], drawn: [0, 0], order: "ABCD" },
  { weights: [1, 1, 1, 1], sessions: [0, 0, 0, 0], drawn: [0.99, 0.99], order: "DCAB" },
  { weights: [1, 1, 1, 1], sessions: [0, 0, 0, 0], drawn: [0.3, 0.4], order: "BDCA" },
  { weights: [1, 1, 1, 1], sessions: [0, 1, 0, 0], drawn: [0.3, 0.4], order: "DBCA" },
  { weights: [1, 1, 1, 1], sessions: [0, 1, 0, 2], drawn: [0.3, 0.4], order: "BDCA" },
  { weights: [8, 1, 1], sessions: [0, 0, 0], drawn: [0.79, 0.49], order: "ABC" },
  { weights: [8, 1, 1], sessions: [0, 0, 0], drawn: [0.8, 0.2], order: "BAC" },
  { weights: [1, 3], sessions: [1, 2], drawn: [0, 0], order: "BA" },
  { weights: [1, 1], sessions: [0, 0], drawn: [0.5, 0.99], order: "BA" },
]

for (const { weights, sessions, drawn, order } of CASES) {
  t.test(
    `weights ${weights}, sessions ${sessions} and the lots ${drawn} give the order ${order}`,
    async (t) => {
      const backends = backendsOf(...weights)
      load(backends, ...sessions)
      t.equal(namesOf(orderRandom(backends, numbers(...drawn))).join(""), order)
    },
  )
}

t.test("the order has each backend once, and the worse of the two picks never comes first", async (t) => {
  const random = seededRandom(9)
  const wrong: unknown[] = []
  for (let round = 0; round < 1000; round++) {
    const weights = Array.from({ length: between(random, 1, 6) }, () => between(random, 1, 5))
    const backends = backendsOf(...weights)
    load(backends, ...weights.map(() => between(random, 0, 6)))
    const order = orderRandom(backends, random)
    if (order.length !== backends.length || new Set(order).size !== backends.length) {
      wrong.push({ round, order: namesOf(order) })
    }
    const [first, second] = order
    if (first === undefined || second === undefined) continue
    if (first.active * second.weight > second.active * first.weight) wrong.push({ round, first, second })
  }
  t.same(wrong, [])
})

t.test("the busiest of all never comes first where there are two or more", async (t) => {
  const random = seededRandom(10)
  const backends = backendsOf(1, 1, 1)
  load(backends, 1, 5, 0)
  t.equal(countFirsts(backends, 1000, () => orderRandom(backends, random))[1], 0)
})

t.test("without any load, backends get sessions in proportion to their weights", async (t) => {
  const random = seededRandom(11)
  const backends = backendsOf(1, 2, 5)
  const counts = countFirsts(backends, 8000, () => orderRandom(backends, random))
  for (const [index, share] of [1000, 2000, 5000].entries()) {
    t.ok(Math.abs((counts[index] ?? 0) - share) < 200, `${counts}`)
  }
})

t.test("sessions that stay are shared nearly by weight", async (t) => {
  const random = seededRandom(12)
  const backends = backendsOf(1, 1, 2, 4)
  for (let session = 0; session < 800; session++) orderRandom(backends, random)[0]?.acquire()
  for (const [index, share] of [100, 100, 200, 400].entries()) {
    t.ok(Math.abs((backends[index]?.active ?? 0) - share) < share * 0.1, `${backends[index]?.active}`)
  }
})
