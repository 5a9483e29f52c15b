import t from "tap"
import { Router } from "../../lib/routing/router.js"
import type { RouteTarget } from "../../lib/session/route-target.js"
import { FakeClock } from "../support/clock/fake-clock.js"
import { checkRefusal } from "../support/http/answer.js"
import { upgradeHead } from "../support/http/heads.js"
import { answerUpgrade, startBackend, startEchoBackend } from "../support/peers/backend.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { turnUntil } from "../support/pool/turns.js"
import { nextEnd, openTunnel, startProxy } from "../support/program/proxy.js"
import { startListener } from "../support/program/running-listener.js"

t.test("a session goes from the head through the 101 to a tunnel and ends once", async (t) => {
  const backend = await startEchoBackend(t)
  const proxy = await startProxy(t, { backends: [backend.address] })
  const end = nextEnd(proxy)
  const client = await openTunnel(proxy)
  t.match(client.text, /^HTTP\/1\.1 101 Switching Protocols\r\n/)
  const head = client.received.length
  client.write("hello")
  await client.untilBytes(head + 5)
  t.equal(client.text.slice(head), "hello")
  client.socket.end()
  await client.untilClosed()
  t.match(await end, {
    status: 101,
    reason: "client_fin",
    who: "client",
    path: "/chat",
    backend: backend.address,
    bytesFromClient: 5,
    bytesFromBackend: 5,
  })
})

t.test("an unexpected error is a 500, reported once, and its message is not disclosed", async (t) => {
  const bug = new Error("a bug")
  class BrokenRouter extends Router<RouteTarget> {
    override route(): never {
      throw bug
    }
  }
  const ends: { reason: string | undefined; status: number | undefined; cause: unknown }[] = []
  const { listener, address } = await startListener(t, {
    settings: { router: new BrokenRouter([], undefined) },
    observer: {
      tunnelOpened: () => t.fail("no tunnel"),
      sessionEnded: ({ reason, status }, { cause }) => ends.push({ reason, status, cause }),
      dialFailed: () => t.fail("no dial"),
    },
  })
  const far = await RawPeer.connect(address)
  far.write(upgradeHead())
  const { body } = await checkRefusal(t, far, "500 Internal Server Error", /^internal error/)
  t.notMatch(body, "a bug", "internals are not disclosed")
  await listener.sessions.untilEmpty()
  t.same(ends, [{ reason: "internal_error", status: 500, cause: bug }])
})

t.test("the registry shows a session's stage and bytes, and can close it", async (t) => {
  const backend = await startBackend(t)
  const ends: string[] = []
  const { listener, address } = await startListener(t, {
    config: { backends: [backend.address] },
    observer: { sessionEnded: ({ reason }) => ends.push(reason) },
  })
  const client = await RawPeer.connect(address)
  const stageOf = () => [...listener.sessions][0]?.stage
  await turnUntil(() => stageOf() === "head", "the session")
  client.write(upgradeHead())
  const far = await backend.peer()
  await turnUntil(() => stageOf() === "handshake", "the handshake")
  await answerUpgrade(far)
  await client.untilText("\r\n\r\n")
  client.write("hello")
  await far.untilText("hello")
  const [session] = listener.sessions
  t.match(session, { stage: "tunnel", bytesFromClient: 5, bytesFromBackend: 0 })
  session?.close("drain_timeout")
  await listener.sessions.untilEmpty()
  t.same(ends, ["drain_timeout"])
  await far.until(({ ended, closed }) => ended || closed)
})

t.test("a session keeps the settings it began with", async (t) => {
  const backend = await startBackend(t)
  const { listener, rows, address } = await startListener(t, { config: { backends: [backend.address] } })
  const before = await RawPeer.connect(address)
  await turnUntil(() => listener.sessions.size === 1, "the session")
  listener.apply({ ...listener.settings, router: new Router<RouteTarget>([], undefined) }, rows)
  before.write(upgradeHead())
  await answerUpgrade(await backend.peer())
  await before.untilText("101 Switching Protocols")
  const after = await RawPeer.connect(address)
  after.write(upgradeHead())
  await checkRefusal(t, after, "404 Not Found", /./)
})

const QUIET_MS = 10_000
const timeouts: readonly { title: string; write: string; settings: object; status: string }[] = [
  {
    title: "a request head",
    write: "GET / HTTP/1.1\r\n",
    settings: { read_timeout_ms: QUIET_MS },
    status: "408 Request Timeout",
  },
  {
    title: "a response",
    write: upgradeHead(),
    settings: { handshake_timeout_ms: QUIET_MS },
    status: "504 Gateway Timeout",
  },
]

for (const { title, write, settings, status } of timeouts) {
  t.test(`${title} that does not arrive in time is a ${status}, by the listener's clock`, async (t) => {
    const clock = new FakeClock()
    const backend = await startBackend(t)
    const { listener, address } = await startListener(t, {
      clock,
      settings,
      config: { backends: [backend.address] },
    })
    const client = await RawPeer.connect(address)
    client.write(write)
    const stage = status.startsWith("408") ? "head" : "handshake"
    await turnUntil(() => [...listener.sessions][0]?.stage === stage, stage)
    clock.advance(QUIET_MS - 1)
    t.equal(client.text, "")
    clock.advance(1)
    await checkRefusal(t, client, status, /./)
    await listener.sessions.untilEmpty()
    t.equal(clock.pending, 1, "only the sweep still has a timer")
  })
}
