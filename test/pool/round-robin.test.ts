import t from "tap"
import { orderRoundRobin, RoundRobin } from "../../lib/pool/round-robin.js"
import { backendsOf, countFirsts, namesOf } from "../support/pool/backends.js"
import { between, seededRandom } from "../support/project/random.js"

function take(turn: RoundRobin, length: number, times: number): number[] {
  return Array.from({ length: times }, () => turn.next(length))
}

for (const length of [1, 2, 3, 7, 100]) {
  t.test(`a turn among ${length} goes through all in order, round after round`, async (t) => {
    const round = Array.from({ length }, (_, index) => index)
    t.same(take(new RoundRobin(), length, 3 * length), [...round, ...round, ...round])
  })
}

t.test("two turns with memory of their own do not disturb each other", async (t) => {
  const one = new RoundRobin()
  const two = new RoundRobin()
  t.same([one.next(3), one.next(3), two.next(3), one.next(3), two.next(3)], [0, 1, 0, 2, 1])
})

t.test("two turns on the same memory, as in two threads, take from one round", async (t) => {
  const counter = new Int32Array(new SharedArrayBuffer(4))
  const one = new RoundRobin(counter)
  const two = new RoundRobin(counter)
  t.same([one.next(3), two.next(3), two.next(3), one.next(3)], [0, 1, 2, 0])
})

for (const length of [2, 3, 7]) {
  t.test(`the counter wraps around at 2^32 and stays within ${length}`, async (t) => {
    const counter = Int32Array.of(2 ** 32 - 2)
    const turns = take(new RoundRobin(counter), length, 5)
    t.same(turns, [(2 ** 32 - 2) % length, (2 ** 32 - 1) % length, 0, 1, 2 % length])
  })
}

t.test("the number of turns may change from one to the next", async (t) => {
  const turn = new RoundRobin()
  t.same([turn.next(4), turn.next(4), turn.next(2), turn.next(3), turn.next(1)], [0, 1, 0, 0, 0])
})

const SEQUENCES: { weights: number[]; firsts: string }[] = [
  { weights: [1, 1, 1], firsts: "ABCABC" },
  { weights: [5, 5], firsts: "ABAB" },
  { weights: [5, 1, 1], firsts: "AABACAAAABACAA" },
  { weights: [2, 1], firsts: "ABAABA" },
  { weights: [1, 2, 3], firsts: "CBACBCCBACBC" },
]

for (const { weights, firsts } of SEQUENCES) {
  t.test(`backends of the weights ${weights} come first in the order ${firsts}`, async (t) => {
    const backends = backendsOf(...weights)
    const turn = new RoundRobin()
    const seen = Array.from(firsts, () => namesOf(orderRoundRobin(backends, turn))[0])
    t.equal(seen.join(""), firsts)
  })
}

t.test("behind the first one stand the others in their own order, round and round", async (t) => {
  const turn = new RoundRobin()
  for (const backends of [backendsOf(1, 1, 1, 1), backendsOf(3, 1, 4, 2)]) {
    for (let session = 0; session < 10; session++) {
      t.match("ABCDABCD", namesOf(orderRoundRobin(backends, turn)).join(""))
    }
  }
})

t.test("in each full round each backend comes first exactly as often as its weight says", async (t) => {
  const random = seededRandom(4)
  for (let round = 0; round < 100; round++) {
    const weights = Array.from({ length: between(random, 1, 6) }, () => between(random, 1, 9))
    const backends = backendsOf(...weights)
    const turn = new RoundRobin()
    const total = weights.reduce((sum, weight) => sum + weight)
    const isEqual = new Set(weights).size === 1
    for (let again = 0; again < 3; again++) {
      const counts = countFirsts(backends, total, () => orderRoundRobin(backends, turn))
      t.same(counts, isEqual ? weights.map(() => total / weights.length) : weights)
    }
  }
})

t.test("no backend is ever further from its share than one session of each of the others", async (t) => {
  const random = seededRandom(5)
  for (let round = 0; round < 50; round++) {
    const weights = Array.from({ length: between(random, 2, 6) }, () => between(random, 1, 20))
    const backends = backendsOf(...weights)
    const turn = new RoundRobin()
    const total = weights.reduce((sum, weight) => sum + weight)
    const counts = weights.map(() => 0)
    const wrong: string[] = []
    for (let session = 1; session <= 2 * total; session++) {
      const [first] = orderRoundRobin(backends, turn)
      const index = backends.findIndex(({ name }) => name === first?.name)
      counts[index] = (counts[index] ?? 0) + 1
      for (const [at, weight] of weights.entries()) {
        const ahead = (counts[at] ?? 0) - (session * weight) / total
        if (!(Math.abs(ahead) <= weights.length - 1)) wrong.push(`${at} is ${ahead} ahead after ${session}`)
      }
    }
    t.same(wrong, [], `weights ${weights}`)
  }
})

t.test("a backend that was away for a while gets no burst when it comes back", async (t) => {
  const backends = backendsOf(3, 2, 1)
  const turn = new RoundRobin()
  for (let session = 0; session < 4; session++) orderRoundRobin(backends, turn)
  for (let session = 0; session < 1000; session++) orderRoundRobin(backends.slice(1), turn)
  t.same(
    countFirsts(backends, 60, () => orderRoundRobin(backends, turn)).map((count) => Math.round(count / 10)),
    [3, 2, 1],
  )
})

t.test("while the set changes, each stretch between two changes is shared evenly", async (t) => {
  const random = seededRandom(6)
  const turn = new RoundRobin()
  const all = backendsOf(1, 1, 1, 1, 1, 1)
  for (let stretch = 0; stretch < 200; stretch++) {
    const backends = all.filter(() => random() < 0.6)
    if (backends.length === 0) continue
    const counts = countFirsts(backends, between(random, 1, 40), () => orderRoundRobin(backends, turn))
    t.ok(Math.max(...counts) - Math.min(...counts) <= 1, `${counts}`)
  }
})
