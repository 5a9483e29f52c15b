import t from "tap"
import { systemClock } from "../../lib/shared/clock.js"
import { FakeClock } from "../support/clock/fake-clock.js"

t.test("the system clock calls back once, not before its time", async (t) => {
  const startedMs = systemClock.nowMs()
  await new Promise<void>((resolve) => systemClock.after(5, resolve))
  // Node's timers count whole milliseconds.
  t.ok(systemClock.nowMs() - startedMs >= 4)
})

t.test("a cancelled timer of the system clock does not call back", async (t) => {
  let calls = 0
  const timer = systemClock.after(0, () => calls++)
  timer.cancel()
  await new Promise<void>((resolve) => systemClock.after(2, resolve))
  t.equal(calls, 0)
})

t.test("the fake clock calls back in order, each timer at its time, also those set on the way", async (t) => {
  const clock = new FakeClock(100)
  const calls: [name: string, nowMs: number][] = []
  const note = (name: string) => () => calls.push([name, clock.nowMs()])
  clock.after(20, note("late"))
  clock.after(10, () => {
    note("early")()
    clock.after(5, note("nested"))
  })
  clock.after(15, note("cancelled")).cancel()
  clock.advance(19)
  t.same(calls, [
    ["early", 110],
    ["nested", 115],
  ])
  clock.advance(1)
  t.same(calls.at(-1), ["late", 120])
  t.equal(clock.pending, 0)
})
