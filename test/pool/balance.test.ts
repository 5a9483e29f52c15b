import t from "tap"
import { orderBy } from "../../lib/pool/balance.js"
import { orderByHash } from "../../lib/pool/hash.js"
import { BALANCES } from "../../lib/pool/pool-settings.js"
import { backendsOf, load, namesOf } from "../support/pool/backends.js"

for (const balance of BALANCES) {
  t.test(`"${balance}" gives every backend once, with a key and without one`, async (t) => {
    const backends = backendsOf(1, 1, 2, 3)
    const order = orderBy(balance, Math.random)
    for (const key of ["a", undefined]) t.same(namesOf(order(backends, key)).toSorted(), namesOf(backends))
    t.same(namesOf(backends), ["A", "B", "C", "D"], "the list itself stays as it was")
  })
}

t.test("each balance is the policy of that name", async (t) => {
  const backends = backendsOf(1, 1, 1)
  load(backends, 2, 1, 0)
  const roundRobin = orderBy("round_robin", Math.random)
  t.same([roundRobin(backends, "a"), roundRobin(backends, "a")].map(namesOf), [
    ["A", "B", "C"],
    ["B", "C", "A"],
  ])
  t.same(namesOf(orderBy("least_connections", Math.random)(backends, "a")), ["C", "B", "A"])
  const random = orderBy("random", Math.random)
  for (let session = 0; session < 50; session++) t.not(namesOf(random(backends, "a"))[0], "A")
  for (const key of ["a", "b", "c", "d"]) {
    t.same(orderBy("hash", Math.random)(backends, key), orderByHash(backends, key))
  }
})

t.test("sessions without a key for the hash take turns", async (t) => {
  const backends = backendsOf(1, 1, 1)
  const order = orderBy("hash", Math.random)
  order(backends, "a")
  t.same(
    Array.from({ length: 4 }, () => namesOf(order(backends, undefined)).join("")),
    ["ABC", "BCA", "CAB", "ABC"],
  )
})

t.test("two pools do not take turns from each other", async (t) => {
  const backends = backendsOf(1, 1, 1)
  const [one, other] = [orderBy("round_robin", Math.random), orderBy("round_robin", Math.random)]
  t.equal(namesOf(one(backends, undefined))[0], "A")
  t.equal(namesOf(other(backends, undefined))[0], "A")
})
