/** `idle_timeout_ms` ends tunnels in which no byte moves in either direction, and only those. */
import t from "tap"
import { openClockedPair, untilBeyondHead } from "../support/peers/open-pair.js"
import { untilStalled } from "../support/peers/stalled.js"
import { wasReset } from "../support/peers/was-reset.js"
import { Meter } from "../support/program/meter.js"
import { nextEnd } from "../support/program/proxy.js"

const IDLE_MS = 10_000
const DROP_MS = IDLE_MS / 20
const DROPS = 40

t.test("a tunnel without traffic is closed on both sides, without a reset", async (t) => {
  const { proxy, client, backend } = await openClockedPair(t, { idle_timeout_ms: IDLE_MS })
  const end = nextEnd(proxy)
  proxy.clock.advance(2 * IDLE_MS)
  t.match(await end, { reason: "idle_timeout", who: "proxy", status: 101 })
  for (const peer of [client, backend]) {
    await peer.untilEnd()
    peer.socket.end()
    await peer.untilClosed()
    t.equal(peer.error, undefined)
  }
})

for (const [from, to] of [
  ["client", "backend"],
  ["backend", "client"],
] as const) {
  t.test(`bytes from the ${from} alone keep a tunnel open`, async (t) => {
    const pair = await openClockedPair(t, { idle_timeout_ms: IDLE_MS })
    const { clock } = pair.proxy
    const end = nextEnd(pair.proxy)
    for (let drops = 1; drops <= DROPS; drops++) {
      clock.advance(DROP_MS)
      pair[from].write("x")
      await untilBeyondHead(pair[to], drops)
    }
    clock.advance(2 * IDLE_MS)
    const { reason, tunnelMs = 0 } = await end
    t.equal(reason, "idle_timeout")
    t.ok(tunnelMs >= DROPS * DROP_MS + IDLE_MS, `the tunnel lasted ${tunnelMs} ms`)
  })
}

t.test("a tunnel whose reader has stopped is idle although the sender has more to send", async (t) => {
  const { proxy, client, backend } = await openClockedPair(t, { idle_timeout_ms: IDLE_MS })
  const end = nextEnd(proxy)
  client.socket.pause()
  const meter = new Meter(client)
  for (let i = 0; i < 100; i++) backend.socket.write(Buffer.alloc(1_000_000))
  await untilStalled(backend.socket)
  proxy.clock.advance(2 * IDLE_MS)
  t.match(await end, { reason: "idle_timeout" })
  client.socket.resume()
  t.equal(await wasReset(client), true, "a truncated stream does not look complete")
  t.ok(meter.bytes < 100 * 1_000_000)
})
