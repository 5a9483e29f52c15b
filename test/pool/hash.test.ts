import t from "tap"
import { Backend } from "../../lib/pool/backend.js"
import { orderByHash } from "../../lib/pool/hash.js"
import { backendsOf, countFirsts, namesOf } from "../support/pool/backends.js"
import { between, seededRandom, textOf } from "../support/project/random.js"

/** How unlike the shares that were expected these counts are (Pearson). */
function chiSquare(counts: readonly number[], shares: readonly number[]): number {
  const total = counts.reduce((sum, count) => sum + count)
  const allShares = shares.reduce((sum, share) => sum + share)
  return counts.reduce((sum, count, index) => {
    const expected = (total * (shares[index] ?? 0)) / allShares
    return sum + (count - expected) ** 2 / expected
  }, 0)
}

/** What chi-square exceeds once in ten thousand times, for 1, 2, 3 … degrees of freedom. */
const LIMITS = [0, 15.1, 18.4, 21.1, 23.5, 25.7, 27.9, 29.9, 31.8, 33.7]

const KEYS: { what: string; key: (session: number) => string }[] = [
  { what: "IPv4 addresses in a row", key: (n) => `10.0.${n >> 8}.${n & 255}` },
  { what: "IPv6 networks in a row", key: (n) => `2001:db8:0:${n.toString(16)}::/64` },
  { what: "numbers in a row", key: (n) => `${n}` },
  { what: "paths in a row", key: (n) => `/room/${n}/chat` },
  { what: "keys that differ in length only", key: (n) => "x".repeat(n % 3000) + (n < 3000 ? "" : "y") },
]

const WEIGHTS = [
  [1, 1],
  [1, 1, 1],
  [1, 2, 3, 4],
  [1, 1, 1, 1, 1, 1, 1],
  [10, 1, 1],
]

for (const { what, key } of KEYS) {
  for (const weights of WEIGHTS) {
    t.test(`${what} are shared by the weights ${weights}`, async (t) => {
      const backends = backendsOf(...weights)
      const counts = countFirsts(backends, 6000, (session) => orderByHash(backends, key(session)))
      t.ok(chiSquare(counts, weights) < (LIMITS[weights.length - 1] ?? 0), `${counts}`)
    })
  }
}

t.test("backends whose names differ in one digit share evenly, behind each first one too", async (t) => {
  const backends = Array.from({ length: 10 }, (_, index) => new Backend(`ws-backend-${index}:9000`))
  const even = backends.map(() => 1)
  const firsts = countFirsts(backends, 10_000, (n) => orderByHash(backends, `10.1.${n >> 8}.${n & 255}`))
  t.ok(chiSquare(firsts, even) < 33.7, `${firsts}`)
  const [one, ...others] = backends
  const keysOfOne = Array.from({ length: 60_000 }, (_, n) => `user-${n}`).filter(
    (key) => orderByHash(backends, key)[0] === one,
  )
  const seconds = countFirsts(others, keysOfOne.length, (n) =>
    orderByHash(backends, keysOfOne[n] ?? "").slice(1),
  )
  t.ok(chiSquare(seconds, even.slice(1)) < 31.8, `${seconds}`)
})

t.test("the same key has the same order, however the backends are listed", async (t) => {
  const random = seededRandom(13)
  const wrong: unknown[] = []
  for (let round = 0; round < 500; round++) {
    const backends = backendsOf(...Array.from({ length: between(random, 1, 8) }, () => between(random, 1, 5)))
    const key = textOf(random, "abc0123456789.:/\xff", 0, 20)
    const order = namesOf(orderByHash(backends, key))
    const shuffled = backends.toSorted(() => random() - 0.5)
    const again = namesOf(orderByHash(shuffled, key))
    const isComplete = order.toSorted().join() === namesOf(backends).join()
    if (!isComplete || again.join() !== order.join()) wrong.push({ round, key, order, again })
  }
  t.same(wrong, [])
})

t.test(
  "taking a backend away moves its own keys only, and each of them to the next one of its order",
  async (t) => {
    const random = seededRandom(14)
    const wrong: unknown[] = []
    for (let round = 0; round < 500; round++) {
      const backends = backendsOf(
        ...Array.from({ length: between(random, 2, 8) }, () => between(random, 1, 5)),
      )
      const key = textOf(random, "abc0123456789", 1, 20)
      const gone = backends[between(random, 0, backends.length - 1)]
      const left = backends.filter((backend) => backend !== gone)
      const order = namesOf(orderByHash(left, key)).join("")
      const expected = namesOf(orderByHash(backends, key).filter((backend) => backend !== gone)).join("")
      if (order !== expected) wrong.push({ round, key, order, expected })
    }
    t.same(wrong, [])
  },
)

t.test("a backend that gains weight takes keys and loses none", async (t) => {
  const light = [new Backend("A:9000"), new Backend("B:9000")]
  const heavy = [new Backend({ address: "A:9000", weight: 3 }), new Backend("B:9000")]
  const wrong: unknown[] = []
  for (let n = 0; n < 2000; n++) {
    const [before] = namesOf(orderByHash(light, `${n}`))
    const [after] = namesOf(orderByHash(heavy, `${n}`))
    if (before !== after && after !== "A") wrong.push({ key: n, before, after })
  }
  t.same(wrong, [])
})

/** Proxies of different releases must agree: these may never change. */
const ORDERS = [
  { key: "", order: "CAEBD" },
  { key: "a", order: "BADCE" },
  { key: "192.0.2.1", order: "ADECB" },
  { key: "2001:db8::1", order: "CDBEA" },
  { key: "/chat", order: "ABECD" },
  { key: "\xe4\xff", order: "EACBD" },
]

for (const { key, order } of ORDERS) {
  t.test(`the key "${key}" always has the order ${order}`, async (t) => {
    t.equal(namesOf(orderByHash(backendsOf(1, 1, 1, 1, 1), key)).join(""), order)
  })
}
