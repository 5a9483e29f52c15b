import t from "tap"
import type { CommandName, Commands } from "../../lib/proxy/worker-messages.js"
import { WorkersSessions } from "../../lib/proxy/workers-sessions.js"
import { FakeClock } from "../support/clock/fake-clock.js"

/** A thread that replies at once, is "blocked", or has died if the reply is undefined. */
class FakeSlot {
  readonly asked: CommandName[] = []

  constructor(
    readonly threadId: number | undefined,
    private readonly reply: unknown,
  ) {}

  ask<Name extends CommandName>(name: Name): Promise<Commands[Name]["reply"] | undefined> {
    this.asked.push(name)
    if (this.reply === "blocked") return new Promise(() => {})
    return Promise.resolve(this.reply as Commands[Name]["reply"] | undefined)
  }
}

/** Lets what is asked reach the threads before the deadline passes. */
async function afterDeadline<Outcome>(clock: FakeClock, outcome: Promise<Outcome>): Promise<Outcome> {
  await new Promise((resolve) => setImmediate(resolve))
  clock.advance(1000)
  return outcome
}

t.test("the tunnels of a backend are counted over all threads", async (t) => {
  const slots = [
    new FakeSlot(1, { closed: 3 }),
    new FakeSlot(2, { closed: 4 }),
    new FakeSlot(undefined, undefined),
  ]
  const sessions = new WorkersSessions(slots, new FakeClock())
  t.strictSame(await sessions.closeTunnels("chat", "a:1"), { closed: 7 })
})

t.test("a blocked thread is waited for a second, and the others are counted", async (t) => {
  const clock = new FakeClock()
  const slots = [new FakeSlot(1, { closed: 3 }), new FakeSlot(2, "blocked")]
  const closing = new WorkersSessions(slots, clock).closeTunnels("chat", "a:1")
  t.strictSame(await afterDeadline(clock, closing), { closed: 3, incomplete: true })
})

t.test("only the thread of a session is asked to close it", async (t) => {
  const [one, two] = [new FakeSlot(1, "blocked"), new FakeSlot(2, true)]
  const sessions = new WorkersSessions([one, two], new FakeClock())
  t.equal(await sessions.close("2.1.7"), true)
  t.strictSame([one.asked, two.asked], [[], ["closeSession"]])
  t.equal(await sessions.close("22.1.7"), false)
  t.equal(await sessions.close("nonsense"), false)
})

t.test("a session of a thread that has died is gone", async (t) => {
  t.equal(await new WorkersSessions([new FakeSlot(1, undefined)], new FakeClock()).close("1.1.7"), false)
})

t.test("whether a session of a blocked thread is closed is not known after a second", async (t) => {
  const clock = new FakeClock()
  const closing = new WorkersSessions([new FakeSlot(1, "blocked")], clock).close("1.1.7")
  t.equal(await afterDeadline(clock, closing), undefined)
})
