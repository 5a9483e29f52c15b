import t, { type Test } from "tap"
import type { CloseReason } from "../../lib/close-reason.js"
import { CLOSING_MS } from "../../lib/session/closing.js"
import { FakeClock } from "../support/clock/fake-clock.js"
import { upgradeHead } from "../support/http/heads.js"
import { startEchoBackend } from "../support/peers/backend.js"
import { codeOfClose } from "../support/peers/frames.js"
import { beyondHead, untilBeyondHead } from "../support/peers/open-pair.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { turnUntil } from "../support/pool/turns.js"
import { type ListenerParts, startListener } from "../support/program/running-listener.js"
import { settled } from "../support/project/settled.js"
import { liveSession } from "../support/session/live-session.js"

const DEFAULT_SPREAD_MS = 3000

async function startWithClient(t: Test, parts: ListenerParts = {}) {
  const clock = new FakeClock()
  const ends: CloseReason[] = []
  const observer = { sessionEnded: ({ reason }: { reason: CloseReason }) => void ends.push(reason) }
  const { listener, address } = await startListener(t, { clock, observer, ...parts })
  const client = await RawPeer.connect(address)
  await turnUntil(() => [...listener.sessions].some(({ stage }) => stage === "head"), "the session")
  return { listener, address, client, clock, ends }
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
  const other = liveSession({ id: listener.sessions.nextId() })
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

t.test("a listener accepts during the delay, and its deadline counts from the end of it", async (t) => {
  const { listener, address, clock, ends } = await startWithClient(t, { config: { read_timeout_ms: 60_000 } })
  const drained = listener.drain(1000, 5000)
  clock.advance(4999)
  const late = await RawPeer.connect(address)
  await turnUntil(() => listener.sessions.size === 2, "the second session")
  clock.advance(1)
  t.equal(await settled(drained), false)
  await t.rejects(RawPeer.connect(address), { code: "ECONNREFUSED" })
  clock.advance(999)
  t.same(ends, [])
  clock.advance(1 + DEFAULT_SPREAD_MS)
  await drained
  t.same(ends, ["drain_timeout", "drain_timeout"])
  t.equal(clock.pending, 0)
  late.socket.destroy()
})

t.test("a drain with a deadline of 0 ends the delay of another one and cuts all sessions", async (t) => {
  const { listener, address, clock } = await startWithClient(t)
  const first = listener.drain(600_000, 600_000)
  t.equal(await settled(first), false)
  const second = listener.drain(0, 600_000)
  clock.advance(0)
  await Promise.all([first, second])
  await t.rejects(RawPeer.connect(address), { code: "ECONNREFUSED" })
  t.equal(clock.pending, 0)
})

t.test("the delay begins once: a second drain neither restarts nor skips it", async (t) => {
  const { listener, address, clock } = await startWithClient(t)
  const first = listener.drain(600_000, 1000)
  clock.advance(600)
  const second = listener.drain(1, 1000)
  clock.advance(399)
  const late = await RawPeer.connect(address)
  late.socket.destroy()
  clock.advance(1)
  t.equal(await settled(first), false)
  await t.rejects(RawPeer.connect(address), { code: "ECONNREFUSED" })
  clock.advance(1)
  await Promise.all([first, second])
})

/** A listener with four tunnels, the first of which is the oldest. */
async function startWithTunnels(t: Test, config: ListenerParts["config"] = {}) {
  const clock = new FakeClock()
  const backend = await startEchoBackend(t)
  const parts = { clock, config: { backends: [backend.address], ...config } }
  const { listener, address } = await startListener(t, parts)
  const clients: RawPeer[] = []
  for (let i = 0; i < 4; i++) {
    const client = await RawPeer.connect(address)
    clients.push(await client.write(upgradeHead()).untilText("\r\n\r\n"))
  }
  const open = () => clients.map(({ ended }) => !ended)
  return { listener, clock, clients, open }
}

t.test("what is left at the deadline is closed evenly over the spread, oldest first", async (t) => {
  const { listener, clock, clients, open } = await startWithTunnels(t, { drain_spread_ms: 4000 })
  const drained = listener.drain(10_000)
  clock.advance(9999)
  for (const [index, client] of clients.entries()) {
    clock.advance(index === 0 ? 1 : 999)
    await client.untilEnd()
    await settled(drained)
    t.same(
      open(),
      clients.map((_, other) => other > index),
    )
    const last = clients.at(-1)
    if (last === client) break
    // Both directions of a tunnel that has yet to be closed.
    await last?.write("still here").untilText("still here".repeat(index + 1))
    clock.advance(1)
  }
  await drained
  t.equal(listener.cut, 4)
  t.equal(clock.pending, 0)
})

t.test("tunnels that end by themselves during the spread are not cut", async (t) => {
  const { listener, clock, clients } = await startWithTunnels(t, { drain_spread_ms: 4000 })
  const drained = listener.drain(1)
  clock.advance(1001)
  for (const client of clients) client.socket.end()
  await drained
  t.equal(listener.cut, 2)
  t.equal(clock.pending, 0)
})

t.test("a drain with a deadline of 0 ends a spread", async (t) => {
  const { listener, clock } = await startWithTunnels(t, { drain_spread_ms: 600_000 })
  const drained = listener.drain(1)
  clock.advance(1)
  t.equal(await settled(drained), false)
  const now = listener.drain(0)
  clock.advance(0)
  await Promise.all([drained, now])
  t.equal(listener.cut, 4)
  t.equal(clock.pending, 0)
})

t.test("a drain with a deadline of 0 does not wait for replies to Close frames", async (t) => {
  const { listener, clock, clients } = await startWithTunnels(t, { close_frames: true })
  const drained = listener.drain(0)
  clock.advance(0)
  await drained
  for (const client of clients) t.equal(codeOfClose(beyondHead(await client.untilEnd())), 1012)
})

t.test("with Close frames a drain ends at the deadline of the closing handshakes", async (t) => {
  const { listener, clock, clients } = await startWithTunnels(t, { close_frames: true, drain_spread_ms: 0 })
  const drained = listener.drain(1)
  clock.advance(1)
  for (const client of clients) await untilBeyondHead(client, 4)
  t.equal(await settled(drained), false)
  clock.advance(CLOSING_MS + 250)
  await drained
  t.equal(listener.cut, 4)
})
