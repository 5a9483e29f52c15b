import { setImmediate as nextTurn } from "node:timers/promises"
import t from "tap"
import { Pace } from "../../lib/admin/pace.js"
import { FakeClock } from "../support/clock/fake-clock.js"

/** Of a client that stays. */
const HERE = new AbortController().signal

/** How long each of so many requests waits, one after the other. */
async function waitsOf(pace: Pace, clock: FakeClock, requests: number, costMs = 0): Promise<number[]> {
  const waits: number[] = []
  for (let request = 0; request < requests; request++) {
    const startedMs = clock.nowMs()
    let isDue = false
    const turn = pace.turn(HERE).then(() => {
      isDue = true
    })
    await nextTurn()
    for (await nextTurn(); !isDue; await nextTurn()) clock.advance(1)
    await turn
    waits.push(clock.nowMs() - startedMs)
    pace.spent(costMs)
  }
  return waits
}

t.test("a burst of requests need not wait, and the others come one after the other", async (t) => {
  const clock = new FakeClock(10_000)
  const pace = new Pace(clock)
  const waits = await waitsOf(pace, clock, 254)
  t.ok(waits.slice(0, 251).every((wait) => wait === 0))
  t.strictSame(waits.slice(251), [2, 2, 2])
  clock.advance(2)
  t.strictSame(await waitsOf(pace, clock, 1), [0], "the time that passes counts")
})

t.test("after a pause there may be a burst again, but not a longer one", async (t) => {
  const clock = new FakeClock()
  const pace = new Pace(clock)
  await waitsOf(pace, clock, 300)
  clock.advance(3_600_000)
  t.strictSame((await waitsOf(pace, clock, 252)).slice(250), [0, 2])
})

t.test("what a request costs is paid back four times over before the next one", async (t) => {
  const clock = new FakeClock()
  const pace = new Pace(clock)
  // Each is 102 ms, of which 500 ms may be ahead.
  const waits = await waitsOf(pace, clock, 8, 20)
  t.strictSame(waits, [0, 0, 0, 0, 0, 10, 102, 102])
})

t.test("nobody waits longer than a second for one request", async (t) => {
  const clock = new FakeClock()
  const pace = new Pace(clock)
  t.strictSame(await waitsOf(pace, clock, 3, 60_000), [0, 1000, 1000])
})

t.test("more than 100 requests that wait are not handled, until there are fewer", async (t) => {
  const clock = new FakeClock()
  const pace = new Pace(clock)
  let isOver = false
  const turns = Array.from({ length: 100 }, () => pace.turn(HERE))
  t.equal(await pace.turn(HERE), false)
  const over = Promise.all(turns).then((outcomes) => {
    isOver = true
    return outcomes
  })
  for (; !isOver; await nextTurn()) clock.advance(2)
  t.ok((await over).every((isDue) => isDue))
  clock.advance(1000)
  t.equal(await pace.turn(HERE), true)
})

t.test("requests whose clients have gone do not hold up the others", async (t) => {
  const clock = new FakeClock()
  const pace = new Pace(clock)
  await waitsOf(pace, clock, 1, 60_000)
  const gone = new AbortController()
  const abandoned = Array.from({ length: 50 }, () => pace.turn(gone.signal))
  const turn = pace.turn(HERE)
  gone.abort()
  clock.advance(1000)
  t.equal(await turn, true)
  for (const outcome of await Promise.all(abandoned)) t.equal(outcome, false)
})
