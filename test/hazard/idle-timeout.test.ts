import t from "tap"
import { openPair, untilBeyondHead } from "../support/peers/open-pair.js"
import { untilStalled } from "../support/peers/stalled.js"
import { wasReset } from "../support/peers/was-reset.js"
import { Meter } from "../support/program/meter.js"
import { nextEnd, SHORT_MS } from "../support/program/proxy.js"

/** Many times the pause between two drops, so that a machine that stutters does not look like silence. */
const IDLE_MS = 4 * SHORT_MS
const DROP_MS = SHORT_MS / 5
const DROPS = 40

t.test("a tunnel in which nothing moves is closed on both sides, without a reset", async (t) => {
  const { proxy, client, backend } = await openPair(t, { idle_timeout_ms: SHORT_MS })
  t.match(await nextEnd(proxy), { reason: "idle_timeout", who: "proxy", status: 101 })
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
  t.test(`bytes from the ${from} alone keep a tunnel alive`, async (t) => {
    const pair = await openPair(t, { idle_timeout_ms: IDLE_MS })
    const end = nextEnd(pair.proxy)
    let drops = 0
    const drip = setInterval(() => {
      pair[from].write("x")
      if (++drops === DROPS) clearInterval(drip)
    }, DROP_MS)
    t.teardown(() => clearInterval(drip))
    await untilBeyondHead(pair[to], DROPS)
    const { reason, tunnelMs = 0 } = await end
    t.equal(reason, "idle_timeout")
    t.ok(tunnelMs >= DROPS * DROP_MS + IDLE_MS / 2, `it has lived for ${tunnelMs} ms`)
  })
}

t.test("a peer that does not read, while the other waits to send, is idle in the end", async (t) => {
  const { proxy, client, backend } = await openPair(t, { idle_timeout_ms: SHORT_MS })
  const end = nextEnd(proxy)
  client.socket.pause()
  const meter = new Meter(client)
  for (let i = 0; i < 100; i++) backend.socket.write(Buffer.alloc(1_000_000))
  await untilStalled(backend.socket)
  t.match(await end, { reason: "idle_timeout" })
  client.socket.resume()
  t.equal(await wasReset(client), true, "a cut stream does not look like a whole one")
  t.ok(meter.bytes < 100 * 1_000_000)
})
