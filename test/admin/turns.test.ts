import t from "tap"
import { Turns } from "../../lib/admin/turns.js"
import { FakeClock } from "../support/clock/fake-clock.js"
import { settled } from "../support/project/settled.js"
import { rejectionOf } from "../support/project/thrown.js"

/** A task that ends when the test says so. */
function taskOf<Outcome>(outcome: Outcome) {
  let end = () => {}
  let hasBegun = false
  const ended = new Promise<void>((resolve) => {
    end = resolve
  })
  const run = async () => {
    hasBegun = true
    await ended
    return outcome
  }
  return { run, end: () => end(), hasBegun: () => hasBegun }
}

t.test("tasks run one after the other, with pauses of four times their length", async (t) => {
  const clock = new FakeClock()
  const turns = new Turns(clock)
  const [one, two] = [taskOf("one"), taskOf("two")]
  const first = turns.run(one.run)
  const second = turns.run(two.run)
  await settled(second)
  t.equal(one.hasBegun(), true)
  t.equal(two.hasBegun(), false)
  clock.advance(100)
  one.end()
  t.equal(await first, "one")
  clock.advance(399)
  await settled(second)
  t.equal(two.hasBegun(), false)
  clock.advance(1)
  await settled(second)
  t.equal(two.hasBegun(), true)
  two.end()
  t.equal(await second, "two")
})

t.test("a task that fails does not hold up the next one", async (t) => {
  const clock = new FakeClock()
  const turns = new Turns(clock)
  const fault = new Error("fault")
  t.equal(await rejectionOf(() => turns.run(() => Promise.reject(fault))), fault)
  clock.advance(0)
  t.equal(await turns.run(async () => "next"), "next")
})

t.test("the eleventh task is refused, and comes in once another has ended", async (t) => {
  const clock = new FakeClock()
  const turns = new Turns(clock)
  const task = taskOf("done")
  const running = Array.from({ length: 10 }, () => turns.run(task.run))
  t.match(await rejectionOf(() => turns.run(task.run)), { name: "AdminError", status: 503 })
  task.end()
  t.equal(await running[0], "done")
  running.push(turns.run(task.run))
  for (const one of running) {
    clock.advance(0)
    t.equal(await one, "done")
  }
})
