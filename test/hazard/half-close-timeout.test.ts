/**
 * `half_close_timeout_ms` ends a tunnel after one FIN if its other direction is silent, and no other tunnel.
 */
import t from "tap"
import { openClockedPair, untilBeyondHead } from "../support/peers/open-pair.js"
import { nextEnd } from "../support/program/proxy.js"

const TIMEOUT_MS = 10_000
const DROP_MS = TIMEOUT_MS / 20
const DROPS = 40

for (const [first, last] of [
  ["client", "backend"],
  ["backend", "client"],
] as const) {
  t.test(`after the ${first}'s FIN, a silent ${last} ends the tunnel by half_close_timeout`, async (t) => {
    const pair = await openClockedPair(t, { half_close_timeout_ms: TIMEOUT_MS })
    const end = nextEnd(pair.proxy)
    pair[first].socket.end()
    await pair[last].untilEnd()
    pair.proxy.clock.advance(2 * TIMEOUT_MS)
    t.match(await end, { reason: "half_close_timeout", who: "proxy" })
    await pair[first].untilClosed()
    t.equal(pair[first].error, undefined)
  })

  t.test(`after the ${first}'s FIN, a ${last} that keeps sending keeps the tunnel open`, async (t) => {
    const pair = await openClockedPair(t, { half_close_timeout_ms: TIMEOUT_MS })
    const end = nextEnd(pair.proxy)
    pair[first].socket.end()
    await pair[last].untilEnd()
    for (let drops = 1; drops <= DROPS; drops++) {
      pair.proxy.clock.advance(DROP_MS)
      pair[last].write("x")
      await untilBeyondHead(pair[first], drops)
    }
    pair[last].socket.end()
    await pair[first].untilClosed()
    t.match(await end, { reason: `${first}_fin` })
  })
}

t.test("half_close_timeout_ms does not apply to a tunnel that is open in both directions", async (t) => {
  const { proxy } = await openClockedPair(t, {
    half_close_timeout_ms: TIMEOUT_MS,
    idle_timeout_ms: 9 * TIMEOUT_MS,
  })
  const end = nextEnd(proxy)
  proxy.clock.advance(10 * TIMEOUT_MS)
  t.match(await end, { reason: "idle_timeout" })
})

t.test("half_close_timeout_ms = 0 leaves a half-closed tunnel open", async (t) => {
  const settings = { half_close_timeout_ms: 0, idle_timeout_ms: TIMEOUT_MS }
  const { proxy, client, backend } = await openClockedPair(t, settings)
  const end = nextEnd(proxy)
  client.socket.end()
  await backend.untilEnd()
  proxy.clock.advance(2 * TIMEOUT_MS)
  t.match(await end, { reason: "idle_timeout" })
})
