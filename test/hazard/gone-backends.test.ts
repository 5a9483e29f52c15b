/** Tunnels of a backend that is down or removed, and backends that are to get no new sessions. */
import { once } from "node:events"
import t, { type Test } from "tap"
import { Pool, type PoolOptions } from "../../lib/index.js"
import type { EndedSession } from "../../lib/ops/session-summary.js"
import { FakeClock } from "../support/clock/fake-clock.js"
import { upgradeHead } from "../support/http/heads.js"
import { answerUpgrade, startBackend, startEchoBackend } from "../support/peers/backend.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { turnUntil } from "../support/pool/turns.js"
import { nextEnd, openTunnel, startProxy } from "../support/program/proxy.js"
import { startListener } from "../support/program/running-listener.js"

const TUNNELS = 10

/** A pool of two echo backends whose health is decided by the test, and a proxy with tunnels to both. */
async function startBoth(t: Test, settings: PoolOptions) {
  const backends = [await startEchoBackend(t), await startEchoBackend(t)]
  const [gone, kept] = backends.map(({ address }) => address)
  if (gone === undefined || kept === undefined) throw new Error("no backends")
  const pool = new Pool([gone, kept], settings, new FakeClock())
  const proxy = await startProxy(t, { backends: pool, drain_spread_ms: 0 })
  const clients: RawPeer[] = []
  for (let client = 0; client < TUNNELS; client++) clients.push(await openTunnel(proxy))
  const ends: Readonly<EndedSession>[] = []
  proxy.on("end", (end) => ends.push(end))
  const member = pool.members[0]
  if (member === undefined) throw new Error("no member")
  const fail = (fault: string | undefined) => {
    for (let check = 0; check < 3; check++) pool.checked(member, fault)
  }
  return { pool, proxy, clients, ends, gone, kept, fail }
}

const GONE = [
  { title: "is removed", go: ({ pool, gone }: Awaited<ReturnType<typeof startBoth>>) => pool.remove(gone) },
  {
    title: "fails its health checks",
    go: ({ fail }: Awaited<ReturnType<typeof startBoth>>) => fail("refused"),
  },
  {
    title: "fails its health checks while it is ejected",
    go: ({ pool, fail }: Awaited<ReturnType<typeof startBoth>>) => {
      const [member] = pool.members
      if (member !== undefined)
        for (let dial = 0; dial < 3; dial++) pool.failed(member, "backend_unreachable")
      fail("refused")
    },
  },
]

/** One check is made, at the start; then the pool's clock stands still, and the test says how checks end. */
const CHECKS = { health_check: { type: "ws" } } as const

for (const { title, go } of GONE) {
  t.test(`with on_backend_down = close the tunnels of a backend that ${title} are closed`, async (t) => {
    const at = await startBoth(t, { on_backend_down: "close", ...CHECKS })
    go(at)
    await turnUntil(() => at.ends.length === TUNNELS / 2, "the ends of half of the tunnels")
    for (const end of at.ends) t.match(end, { reason: "backend_down", who: "proxy", backend: at.gone })
    for (const [index, client] of at.clients.entries()) if (index % 2 === 0) await client.untilEnd()
    const open = at.clients.filter((_, index) => index % 2 === 1)
    for (const client of open) await client.write("still there").untilText("still there")
    t.equal(at.ends.length, TUNNELS / 2)
    t.match((await openTunnel(at.proxy)).text, /^HTTP\/1\.1 101 /)
  })

  t.test(`by default the tunnels of a backend that ${title} stay`, async (t) => {
    const at = await startBoth(t, CHECKS)
    go(at)
    for (const client of at.clients) await client.write("still there").untilText("still there")
    t.same(at.ends, [])
  })
}

t.test("failed attempts close no tunnels", async (t) => {
  const { pool, clients, ends } = await startBoth(t, { on_backend_down: "close" })
  const [member] = pool.members
  if (member !== undefined) for (let dial = 0; dial < 3; dial++) pool.failed(member, "backend_unreachable")
  for (const client of clients) await client.write("still there").untilText("still there")
  t.same(ends, [])
})

t.test("the tunnels are closed evenly over drain_spread_ms", async (t) => {
  const backend = await startEchoBackend(t)
  const clock = new FakeClock()
  const pool = new Pool([backend.address], { on_backend_down: "close" })
  let ended = 0
  const { listener, address } = await startListener(t, {
    config: { backends: pool, drain_spread_ms: 1000 },
    clock,
    observer: { sessionEnded: () => void ended++ },
  })
  pool.onCloseTunnels((gone) => listener.closeTunnelsOf(gone))
  const clients = await Promise.all(Array.from({ length: TUNNELS }, () => RawPeer.connect(address)))
  for (const client of clients) await client.write(upgradeHead()).untilText("\r\n\r\n")
  pool.remove(backend.address)
  for (let closed = 1; closed <= TUNNELS; closed++) {
    await turnUntil(() => ended === closed, `${closed} closed tunnels`)
    const last = clients.at(-1)
    if (closed < TUNNELS) await last?.write(`${closed};`).untilText(`${closed};`)
    t.equal(ended, closed)
    clock.advance(1000 / TUNNELS)
  }
})

t.test("a handshake that ends after its backend was removed gets a 503 instead of a tunnel", async (t) => {
  const backend = await startBackend(t)
  const pool = new Pool([backend.address], { on_backend_down: "close" })
  const proxy = await startProxy(t, { backends: pool })
  const client = await RawPeer.connect(proxy.address())
  client.write(upgradeHead())
  const peer = await backend.peer()
  await peer.untilText("\r\n\r\n")
  pool.remove(backend.address)
  const refused = once(proxy, "refuse")
  await answerUpgrade(peer)
  await client.untilEnd()
  t.match(client.text, /^HTTP\/1\.1 503 /)
  t.match(await refused, [{ reason: "no_backend", backend: backend.address }])
})

for (const { title, settings, start } of [
  { title: "drain = true", settings: { drain: true }, start: undefined },
  { title: "a weight of 0", settings: { weight: 0 }, start: undefined },
  { title: "Pool.drain", settings: {}, start: (pool: Pool, name: string) => pool.drain(name) },
]) {
  t.test(`by ${title} a backend gets no new sessions`, async (t) => {
    const [drained, other] = [await startEchoBackend(t), await startEchoBackend(t)]
    const pool = new Pool([{ address: drained.address, ...settings }, other.address])
    start?.(pool, drained.address)
    const proxy = await startProxy(t, { backends: pool })
    for (let client = 0; client < 6; client++) await openTunnel(proxy)
    t.same([drained.peers.length, other.peers.length], [0, 6])
    pool.remove(other.address)
    t.match((await openTunnel(proxy)).text, /^HTTP\/1\.1 503 /, "not even as the last resort")
    t.equal(drained.peers.length, 0)
  })
}

t.test("Pool.drain keeps open tunnels, and can be undone", async (t) => {
  const backend = await startEchoBackend(t)
  const pool = new Pool([backend.address], { on_backend_down: "close" })
  const proxy = await startProxy(t, { backends: pool })
  const client = await openTunnel(proxy)
  t.equal(pool.drain(backend.address), true)
  t.match((await openTunnel(proxy)).text, /^HTTP\/1\.1 503 /)
  await client.write("still there").untilText("still there")
  t.equal(pool.drain("nowhere:1"), false)
  t.equal(pool.drain(backend.address, false), true)
  t.match((await openTunnel(proxy)).text, /^HTTP\/1\.1 101 /)
  const end = nextEnd(proxy)
  client.socket.end()
  t.match(await end, { reason: "client_fin" })
})

t.test("a backend in drain does not keep the last other one from being spared", async (t) => {
  const pool = new Pool([{ address: "a:1", drain: true }, "b:1"], { max_fails: 1 })
  const [, b] = pool.members
  if (b === undefined) throw new Error("no member")
  pool.onHealthChange(() => t.fail("it was ejected"))
  for (let dial = 0; dial < 5; dial++) pool.failed(b, "backend_unreachable")
})
