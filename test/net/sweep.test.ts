import t from "tap"
import { Sweep } from "../../lib/net/sweep.js"

/** The clock readings that a member of a sweep has been given. */
class Watcher {
  readonly readings: number[] = []
  onLook: (() => void) | undefined

  check(nowMs: number): void {
    this.readings.push(nowMs)
    this.onLook?.()
  }

  async looks(count: number): Promise<void> {
    while (this.readings.length < count) await new Promise<void>((resolve) => (this.onLook = resolve))
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
  t.test(`a sweep for deadlines of [${timeoutsMs}] ms looks every ${everyMs} ms`, async (t) => {
    const timers = t.capture(globalThis, "setInterval", setInterval)
    const sweep = new Sweep(timeoutsMs)
    t.teardown(() => sweep.stop())
    t.same(
      timers.args().map(([, intervalMs]) => intervalMs),
      [everyMs],
      "with one timer",
    )
  })
}

t.test("a sweep shows all its members the same clock, which only goes forward", async (t) => {
  const sweep = new Sweep([1])
  t.teardown(() => sweep.stop())
  const members = Array.from({ length: 3 }, () => new Watcher())
  const before = performance.now()
  for (const member of members) sweep.add(member)
  const keepAwake = setInterval(() => {}, 1000)
  t.teardown(() => clearInterval(keepAwake))
  await members[2]?.looks(3)
  const [first, ...others] = members.map(({ readings }) => readings)
  for (const other of others) t.same(other, first)
  t.same(
    first,
    [...(first ?? [])].sort((a, b) => a - b),
  )
  t.ok(Number(first?.[0]) >= before)
  t.ok(Number(first?.[2]) <= performance.now())
})

t.test("who has left a sweep is looked at no more, who has come twice is looked at once", async (t) => {
  const sweep = new Sweep([1])
  t.teardown(() => sweep.stop())
  const [gone, twice, witness] = [new Watcher(), new Watcher(), new Watcher()]
  for (const member of [gone, twice, twice, witness]) sweep.add(member)
  sweep.delete(gone)
  sweep.delete(new Watcher())
  const keepAwake = setInterval(() => {}, 1000)
  t.teardown(() => clearInterval(keepAwake))
  await witness.looks(3)
  t.same(gone.readings, [])
  t.equal(twice.readings.length, 3)
})

t.test("a member may leave, and another come, while a sweep looks", async (t) => {
  const sweep = new Sweep([1])
  t.teardown(() => sweep.stop())
  const late = new Watcher()
  const leaving = new Watcher()
  leaving.onLook = () => {
    sweep.delete(leaving)
    sweep.add(late)
  }
  sweep.add(leaving)
  const keepAwake = setInterval(() => {}, 1000)
  t.teardown(() => clearInterval(keepAwake))
  await late.looks(3)
  t.equal(leaving.readings.length, 1)
})

t.test("a sweep keeps no process alive, and one that was stopped does not look", async (t) => {
  const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length
  const before = timers()
  const stopped = new Sweep([1])
  const running = new Sweep([1])
  t.teardown(() => running.stop())
  t.equal(timers(), before)
  stopped.stop()
  const [forgotten, witness] = [new Watcher(), new Watcher()]
  stopped.add(forgotten)
  running.add(witness)
  const keepAwake = setInterval(() => {}, 1000)
  t.teardown(() => clearInterval(keepAwake))
  await witness.looks(3)
  t.same(forgotten.readings, [])
})
