import t from "tap"
import { openPair, untilBeyondHead } from "../support/peers/open-pair.js"
import { nextEnd, SHORT_MS } from "../support/program/proxy.js"

const LONGER_MS = 4 * SHORT_MS
const DROP_MS = SHORT_MS / 5
const DROPS = 40

for (const [first, last] of [
  ["client", "backend"],
  ["backend", "client"],
] as const) {
  t.test(`after the ${first}'s FIN a silent ${last} does not hold the tunnel open for ever`, async (t) => {
    const pair = await openPair(t, { half_close_timeout_ms: SHORT_MS })
    const end = nextEnd(pair.proxy)
    pair[first].socket.end()
    await pair[last].untilEnd()
    t.match(await end, { reason: "half_close_timeout", who: "proxy" })
    await pair[first].untilClosed()
    t.equal(pair[first].error, undefined)
  })

  t.test(`after the ${first}'s FIN a ${last} that goes on sending keeps the tunnel`, async (t) => {
    const pair = await openPair(t, { half_close_timeout_ms: LONGER_MS })
    const end = nextEnd(pair.proxy)
    pair[first].socket.end()
    await pair[last].untilEnd()
    let drops = 0
    const drip = setInterval(() => {
      pair[last].write("x")
      if (++drops === DROPS) clearInterval(drip)
    }, DROP_MS)
    t.teardown(() => clearInterval(drip))
    await untilBeyondHead(pair[first], DROPS)
    pair[last].socket.end()
    await pair[first].untilClosed()
    t.match(await end, { reason: `${first}_fin` })
  })
}

t.test("half_close_timeout_ms does not touch a tunnel that is open in both directions", async (t) => {
  const { proxy } = await openPair(t, { half_close_timeout_ms: SHORT_MS / 3, idle_timeout_ms: 3 * SHORT_MS })
  t.match(await nextEnd(proxy), { reason: "idle_timeout" })
})

t.test("half_close_timeout_ms = 0 lets a half-closed tunnel live", async (t) => {
  const settings = { half_close_timeout_ms: 0, idle_timeout_ms: SHORT_MS }
  const { proxy, client, backend } = await openPair(t, settings)
  const end = nextEnd(proxy)
  client.socket.end()
  await backend.untilEnd()
  t.match(await end, { reason: "idle_timeout" })
})
