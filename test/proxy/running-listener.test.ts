import t from "tap"
import type { CloseReason } from "../../lib/close-reason.js"
import { FakeClock } from "../support/clock/fake-clock.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { turnUntil } from "../support/pool/turns.js"
import { type ListenerParts, startListener } from "../support/program/running-listener.js"
import { settled } from "../support/project/settled.js"

async function startWithClient(t: Parameters<typeof startListener>[0], parts: ListenerParts = {}) {
  const clock = new FakeClock()
  const ends: CloseReason[] = []
  const observer = { sessionEnded: ({ reason }: { reason: CloseReason }) => void ends.push(reason) }
  const { listener, address } = await startListener(t, { clock, observer, ...parts })
  const client = await RawPeer.connect(address)
  await turnUntil(() => [...listener.sessions].some(({ stage }) => stage === "head"), "the session")
  return { listener, client, clock, ends }
}

t.test("a drain waits for its sessions until the deadline, then closes them", async (t) => {
  const { listener, client, clock, ends } = await startWithClient(t, { config: { read_timeout_ms: 60_000 } })
  const drained = listener.drain(10_000)
  clock.advance(9999)
  t.equal(await settled(drained), false)
  t.equal(client.ended, false)
  clock.advance(1)
  await drained
  await client.until(({ ended, closed }) => ended || closed)
  t.same(ends, ["drain_timeout"])
  t.equal(listener.sessions.size, 0)
})

t.test("a second drain shortens the wait of the first, and both end together", async (t) => {
  const { listener, clock } = await startWithClient(t)
  const first = listener.drain(600_000)
  t.equal(await settled(first), false)
  const second = listener.drain(1)
  clock.advance(1)
  await Promise.all([first, second])
})

t.test("a second drain never lengthens the first", async (t) => {
  const { listener, clock } = await startWithClient(t)
  const drains = [listener.drain(1), listener.drain(600_000)]
  clock.advance(1)
  await Promise.all(drains)
})

t.test("a drain ends when the last session has, not when its socket is gone", async (t) => {
  const { listener, client } = await startWithClient(t)
  const [session] = listener.sessions
  if (session === undefined) throw new Error("no session")
  const other = { ...session, id: listener.sessions.nextId(), close() {} }
  listener.sessions.add(other)
  const drained = listener.drain(600_000)
  client.socket.destroy()
  await turnUntil(() => listener.sessions.size === 1, "the end of the first session")
  t.equal(await settled(drained), false)
  listener.sessions.delete(other)
  await drained
})

t.test("a drain leaves no timer behind", async (t) => {
  const { listener, clock } = await startWithClient(t)
  const drains = Promise.all([listener.drain(600_000), listener.drain(500_000), listener.drain(0)])
  clock.advance(0)
  await drains
  t.equal(clock.pending, 0)
})

t.test("a listener without clients drains at once, however often", async (t) => {
  const { listener } = await startListener(t)
  await listener.drain(600_000)
  await listener.drain(600_000)
  await listener.drain(0)
})
