import t from "tap"
import { type LiveSession, SessionRegistry } from "../../lib/session/registry.js"
import { settled } from "../support/project/settled.js"
import { liveSession } from "../support/session/live-session.js"

function session(registry: SessionRegistry, closed: string[] = []): LiveSession {
  const id = registry.nextId()
  const live = liveSession({ id, cut: (reason) => closed.push(`${id} ${reason}`) })
  registry.add(live)
  return live
}

t.test("a registry lists the live sessions, each with an id of its own", async (t) => {
  const registry = new SessionRegistry()
  const [first, second] = [session(registry), session(registry)]
  t.same([...registry], [first, second])
  t.not(first.id, second.id)
  registry.delete(first)
  t.same([...registry], [second])
  t.equal(registry.size, 1)
  t.not(session(registry).id, first.id, "ids are not reused")
})

t.test("an empty registry is empty at once", async () => {
  await new SessionRegistry().untilEmpty()
})

t.test("all waits for an empty registry resolve when the last session has gone", async (t) => {
  const registry = new SessionRegistry()
  const [first, second] = [session(registry), session(registry)]
  const waits = Promise.all([registry.untilEmpty(), registry.untilEmpty()])
  registry.delete(first)
  t.equal(await settled(waits), false)
  registry.delete(second)
  await waits
})

t.test("cutting all sessions cuts each with the reason, and does not wait", async (t) => {
  const registry = new SessionRegistry()
  const closed: string[] = []
  const [first, second] = [session(registry, closed), session(registry, closed)]
  registry.cutAll("drain_timeout")
  t.same(closed, [`${first.id} drain_timeout`, `${second.id} drain_timeout`])
  t.equal(registry.size, 2)
})

t.test("sessions that begin after the deadline of a drain are cut, once they have begun", async (t) => {
  const registry = new SessionRegistry()
  const closed: string[] = []
  session(registry, closed)
  registry.closeNew("drain_timeout")
  const late = session(registry, closed)
  t.same(closed, [])
  await Promise.resolve()
  t.same(closed, [`${late.id} drain_timeout`])
})
