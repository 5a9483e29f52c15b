/** The deadlines of the handshake end with it: none of them may close a silent tunnel later. */
import t from "tap"
import { openClockedPair } from "../support/peers/open-pair.js"
import { nextEnd } from "../support/program/proxy.js"

const DEADLINE_MS = 10_000

t.test("a tunnel outlives every deadline of its handshake and ends at its idle timeout", async (t) => {
  const { proxy, client, backend } = await openClockedPair(t, {
    read_timeout_ms: DEADLINE_MS,
    connect_timeout_ms: DEADLINE_MS,
    handshake_timeout_ms: DEADLINE_MS,
    half_close_timeout_ms: DEADLINE_MS,
    drain_timeout_ms: DEADLINE_MS,
    idle_timeout_ms: 4 * DEADLINE_MS,
  })
  const end = nextEnd(proxy)
  proxy.clock.advance(8 * DEADLINE_MS)
  const { reason, tunnelMs = 0 } = await end
  t.equal(reason, "idle_timeout")
  t.ok(tunnelMs >= 4 * DEADLINE_MS, `it lasted ${tunnelMs} ms`)
  await Promise.all([client.untilEnd(), backend.untilEnd()])
})

t.test("a tunnel without idle timeout outlives every deadline of its handshake", async (t) => {
  const { proxy, client, backend } = await openClockedPair(t, {
    read_timeout_ms: DEADLINE_MS,
    connect_timeout_ms: DEADLINE_MS,
    handshake_timeout_ms: DEADLINE_MS,
  })
  proxy.clock.advance(100 * DEADLINE_MS)
  client.write("still here")
  await backend.untilText("still here")
  backend.write("so am I")
  await client.untilText("so am I")
})
