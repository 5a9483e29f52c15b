import t from "tap"
import { Sweep } from "../../lib/net/sweep.js"
import { FakeClock } from "../support/clock/fake-clock.js"

/** The clock readings that a member of a sweep has been given. */
class Watcher {
  readonly readings: number[] = []
  onCheck: (() => void) | undefined

  check(nowMs: number): void {
    this.readings.push(nowMs)
    this.onCheck?.()
  }
}

const intervals: readonly { timeoutsMs: readonly number[]; everyMs: number }[] = [
  { timeoutsMs: [], everyMs: 1000 },
  { timeoutsMs: [0, 0], everyMs: 1000 },
  { timeoutsMs: [0, 30_000], everyMs: 1000 },
  { timeoutsMs: [4000], everyMs: 1000 },
  { timeoutsMs: [3000, 30_000], everyMs: 750 },
  { timeoutsMs: [30_000, 3000], everyMs: 750 },
  { timeoutsMs: [0, 100], everyMs: 25 },
  { timeoutsMs: [40], everyMs: 10 },
  { timeoutsMs: [1, 1], everyMs: 10 },
]

for (const { timeoutsMs, everyMs } of intervals) {
  t.test(`a sweep for deadlines of [${timeoutsMs}] ms checks every ${everyMs} ms`, async (t) => {
    const clock = new FakeClock(5)
    const sweep = new Sweep(timeoutsMs, clock)
    const watcher = new Watcher()
    sweep.add(watcher)
    t.equal(clock.pending, 1, "with one timer")
    clock.advance(3 * everyMs)
    t.same(watcher.readings, [5 + everyMs, 5 + 2 * everyMs, 5 + 3 * everyMs])
    t.equal(clock.pending, 1)
  })
}

t.test(
  "a sweep serves shorter deadlines from now on, and longer ones once it has no member left",
  async (t) => {
    const clock = new FakeClock()
    const sweep = new Sweep([4000], clock)
    const member = new Watcher()
    sweep.add(member)
    clock.advance(500)
    sweep.serve([40])
    clock.advance(20)
    t.same(member.readings, [510, 520])
    sweep.serve([4000])
    clock.advance(20)
    t.same(member.readings, [510, 520, 530, 540], "its deadline is still a short one")
    sweep.delete(member)
    clock.advance(10)
    sweep.add(member)
    clock.advance(1500)
    t.same(member.readings, [510, 520, 530, 540, 1550])
    t.equal(clock.pending, 1, "with one timer")
  },
)

t.test("a sweep gives all its members the same time", async (t) => {
  const clock = new FakeClock()
  const sweep = new Sweep([1], clock)
  const members = Array.from({ length: 3 }, () => new Watcher())
  for (const member of members) sweep.add(member)
  clock.advance(30)
  for (const { readings } of members) t.same(readings, [10, 20, 30])
})

t.test("a deleted member is not checked, and one that was added twice is checked once", async (t) => {
  const clock = new FakeClock()
  const sweep = new Sweep([1], clock)
  const [gone, twice, witness] = [new Watcher(), new Watcher(), new Watcher()]
  for (const member of [gone, twice, twice, witness]) sweep.add(member)
  sweep.delete(gone)
  sweep.delete(new Watcher())
  clock.advance(30)
  t.same(gone.readings, [])
  t.equal(twice.readings.length, 3)
  t.equal(witness.readings.length, 3)
})

t.test("members may be deleted and added while a sweep checks", async (t) => {
  const clock = new FakeClock()
  const sweep = new Sweep([1], clock)
  const late = new Watcher()
  const leaving = new Watcher()
  leaving.onCheck = () => {
    sweep.delete(leaving)
    sweep.add(late)
  }
  sweep.add(leaving)
  clock.advance(30)
  t.equal(late.readings.length, 3)
  t.equal(leaving.readings.length, 1)
})

t.test("a stopped sweep does not check, even if a member has stopped it", async (t) => {
  const clock = new FakeClock()
  const stopped = new Sweep([1], clock)
  const stopping = new Sweep([1], clock)
  const [forgotten, last] = [new Watcher(), new Watcher()]
  stopped.add(forgotten)
  stopped.stop()
  last.onCheck = () => stopping.stop()
  stopping.add(last)
  clock.advance(1000)
  t.same(forgotten.readings, [])
  t.same(last.readings, [10])
  t.equal(clock.pending, 0)
})

t.test("a sweep keeps no process alive", async (t) => {
  const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length
  const before = timers()
  const sweep = new Sweep([1])
  t.teardown(() => sweep.stop())
  t.equal(timers(), before)
})
