/**
 * A backend that accepts connections and then fails takes clients for ever if only dials count against it.
 */
import t, { type Test } from "tap"
import { Pool, type PoolOptions, type RunningProxy } from "../../lib/index.js"
import { FakeClock } from "../support/clock/fake-clock.js"
import { upgradeHead } from "../support/http/heads.js"
import { answerUpgrade, startBackend, startEchoBackend } from "../support/peers/backend.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { nextEnd, SHORT_MS, startProxy } from "../support/program/proxy.js"

const MAX_FAILS = 3
const CLIENTS = 12
const FAIL_TIMEOUT_MS = 60_000

type Way = (peer: RawPeer) => void

const WAYS: { title: string; fail: Way; status: string; fail_on?: string[] }[] = [
  { title: "hangs", fail: () => {}, status: "504" },
  { title: "closes", fail: ({ socket }) => socket.end(), status: "502" },
  { title: "resets", fail: ({ socket }) => socket.resetAndDestroy(), status: "502" },
  { title: "sends nonsense", fail: (peer) => peer.write("nonsense\r\n\r\n"), status: "502" },
  { title: "sends a wrong 101", fail: (peer) => peer.write("HTTP/1.1 101 OK\r\n\r\n"), status: "502" },
  {
    title: "responds 503",
    fail: (peer) => peer.write("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"),
    status: "503",
    fail_on: ["dial", "status:503"],
  },
]

/** One backend whose handshakes fail until it is repaired, beside a good one. */
async function startBoth(t: Test, fail: Way, settings: PoolOptions = {}) {
  let isRepaired = false
  const failing = await startBackend(t, (peer) => {
    if (isRepaired) void answerUpgrade(peer)
    else void peer.untilText("\r\n\r\n").then(fail)
  })
  const repair = () => {
    isRepaired = true
  }
  const good = await startEchoBackend(t)
  const clock = new FakeClock()
  const options = { max_fails: MAX_FAILS, fail_timeout_ms: FAIL_TIMEOUT_MS, ...settings }
  const pool = new Pool([failing.address, good.address], options, clock)
  const proxy = await startProxy(t, { backends: pool, handshake_timeout_ms: SHORT_MS })
  return { failing, good, clock, proxy, repair }
}

/** The statuses that clients get one after the other. */
async function statusesOf(proxy: RunningProxy, clients: number): Promise<string[]> {
  const statuses: string[] = []
  for (let client = 0; client < clients; client++) {
    const peer = await RawPeer.connect(proxy.address())
    await peer.write(upgradeHead()).untilText("\r\n\r\n")
    statuses.push(peer.text.split(" ", 2)[1] ?? "")
    peer.socket.destroy()
  }
  return statuses
}

const count = (statuses: readonly string[], status: string) => statuses.filter((one) => one === status).length

for (const { title, fail, status, fail_on } of WAYS) {
  t.test(`of ${CLIENTS} clients ${MAX_FAILS} suffer from a backend that ${title}`, async (t) => {
    const { failing, clock, proxy, repair } = await startBoth(t, fail, { fail_on })
    const statuses = await statusesOf(proxy, CLIENTS)
    t.equal(count(statuses, status), MAX_FAILS)
    t.equal(count(statuses, "101"), CLIENTS - MAX_FAILS)

    clock.advance(FAIL_TIMEOUT_MS)
    t.equal(count(await statusesOf(proxy, 6), status), 1, "one session tries it")
    t.equal(failing.peers.length, MAX_FAILS + 1)

    repair()
    clock.advance(2 * FAIL_TIMEOUT_MS)
    t.equal(count(await statusesOf(proxy, 6), "101"), 6)
    t.ok(failing.peers.length >= MAX_FAILS + 3, "it is back")
  })
}

t.test("with fail_on = dial a backend that closes without a response stays", async (t) => {
  const { proxy } = await startBoth(t, ({ socket }) => socket.end(), { fail_on: ["dial"] })
  t.equal(count(await statusesOf(proxy, 12), "502"), 6)
})

t.test("clients that close during the handshake do not count against the backend", async (t) => {
  const { failing, good, proxy } = await startBoth(t, () => {}, { max_fails: 1 })
  for (let client = 0; client < 6; client++) {
    const end = nextEnd(proxy)
    const peer = await RawPeer.connect(proxy.address())
    peer.write(upgradeHead())
    if (client % 2 === 0) await (await failing.peer(client / 2)).untilText("\r\n\r\n")
    else await peer.untilText("\r\n\r\n")
    peer.socket.resetAndDestroy()
    t.match(await end, {
      who: "client",
      reason: client % 2 === 0 ? "client_aborted_in_handshake" : "client_reset",
    })
  }
  t.equal(failing.peers.length, 3)
  t.equal(good.peers.length, 3)
})

t.test("the last backend keeps its clients although its handshakes fail", async (t) => {
  const failing = await startBackend(t, ({ socket }) => socket.end())
  const proxy = await startProxy(t, { backends: [failing.address], max_fails: 1 })
  t.equal(count(await statusesOf(proxy, 4), "502"), 4)
  t.equal(failing.peers.length, 4)
})
