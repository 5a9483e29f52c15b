/** The deadlines of the handshake end with it: none of them may kill a tunnel that is silent later. */
import t from "tap"
import { openPair } from "../support/peers/open-pair.js"
import { nextEnd, SHORT_MS } from "../support/program/proxy.js"

t.test("a tunnel outlives every deadline of its handshake and ends by its own", async (t) => {
  const deadlineMs = SHORT_MS
  const { proxy, client, backend } = await openPair(t, {
    read_timeout_ms: deadlineMs,
    connect_timeout_ms: deadlineMs,
    handshake_timeout_ms: deadlineMs,
    half_close_timeout_ms: deadlineMs,
    drain_timeout_ms: deadlineMs,
    idle_timeout_ms: 4 * deadlineMs,
  })
  const { reason, tunnelMs = 0 } = await nextEnd(proxy)
  t.equal(reason, "idle_timeout")
  t.ok(tunnelMs >= 4 * deadlineMs, `it lived for ${tunnelMs} ms`)
  await Promise.all([client.untilEnd(), backend.untilEnd()])
})

t.test("a tunnel without idle timeout is still there when a later one ends by its own", async (t) => {
  const deadlines = {
    read_timeout_ms: SHORT_MS,
    connect_timeout_ms: SHORT_MS,
    handshake_timeout_ms: SHORT_MS,
  }
  const silent = await openPair(t, deadlines)
  const other = await openPair(t, { ...deadlines, idle_timeout_ms: 3 * SHORT_MS })
  t.equal((await nextEnd(other.proxy)).reason, "idle_timeout")
  silent.client.write("still here")
  await silent.backend.untilText("still here")
  silent.backend.write("so am I")
  await silent.client.untilText("so am I")
})
