import t from "tap"
import { RoundRobin } from "../../lib/routing/round-robin.js"

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
  const memory = new SharedArrayBuffer(4)
  const one = new RoundRobin(memory)
  const two = new RoundRobin(memory)
  t.same([one.next(3), two.next(3), two.next(3), one.next(3)], [0, 1, 2, 0])
})

for (const length of [2, 3, 7]) {
  t.test(`the counter wraps around at 2^32 and stays within ${length}`, async (t) => {
    const memory = new SharedArrayBuffer(4)
    new Uint32Array(memory)[0] = 2 ** 32 - 2
    const turns = take(new RoundRobin(memory), length, 5)
    t.same(turns, [(2 ** 32 - 2) % length, (2 ** 32 - 1) % length, 0, 1, 2 % length])
  })
}

t.test("the number of turns may change from one to the next", async (t) => {
  const turn = new RoundRobin()
  t.same([turn.next(4), turn.next(4), turn.next(2), turn.next(3), turn.next(1)], [0, 1, 0, 0, 0])
})
