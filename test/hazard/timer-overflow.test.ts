/**
 * Node's timers take at most 2³¹−1 ms and fire after 1 ms if they are given more. A longer deadline must not
 * expire at once.
 */
import { once } from "node:events"
import { setImmediate, setTimeout } from "node:timers/promises"
import t from "tap"
import { HealthChecks } from "../../lib/pool/health-check.js"
import { systemClock } from "../../lib/shared/clock.js"
import { openPair, untilBeyondHead } from "../support/peers/open-pair.js"

const TOO_LONG_FOR_A_TIMER = 2 ** 31
/** Timers fire in order of their time, so an overflowed one of 1 ms that was started before has fired. */
const AFTER_AN_OVERFLOW_MS = 2

/** Node warns of each timer that overflows. */
const overflows: string[] = []
process.on("warning", ({ name, message }) => {
  if (name === "TimeoutOverflowWarning" || name === "TimeoutNaNWarning") overflows.push(message)
})
t.afterEach(() => overflows.splice(0))

for (const timeoutMs of [Number.POSITIVE_INFINITY, TOO_LONG_FOR_A_TIMER, Number.MAX_VALUE]) {
  t.test(`close(${timeoutMs}) lets a tunnel run until it ends by itself`, async (t) => {
    const { proxy, client, backend } = await openPair(t)
    const end = once(proxy, "end")
    const closing = proxy.close(timeoutMs)
    await setTimeout(AFTER_AN_OVERFLOW_MS)
    client.write("still here")
    t.equal((await untilBeyondHead(backend, 10)).toString(), "still here")
    client.socket.end()
    await backend.untilEnd()
    backend.socket.end()
    await closing
    t.match(await end, [{ reason: "client_fin" }])
    t.strictSame(overflows, [])
  })
}

t.test("a close without deadline can be shortened", async (t) => {
  const { proxy } = await openPair(t)
  const end = once(proxy, "end")
  const first = proxy.close(Number.POSITIVE_INFINITY)
  await proxy.close(0)
  await first
  t.match(await end, [{ reason: "drain_timeout" }])
})

for (const timeoutMs of [Number.NaN, -1, Number.NEGATIVE_INFINITY]) {
  t.test(`close(${timeoutMs}) is refused, and nothing is closed`, async (t) => {
    const { proxy, client, backend } = await openPair(t)
    await t.rejects(
      proxy.close(timeoutMs),
      new RangeError(`expected 0 or more milliseconds, got ${timeoutMs}`),
    )
    client.write("still here")
    t.equal((await untilBeyondHead(backend, 10)).toString(), "still here")
  })
}

t.test("the jitter does not make the longest health check interval overflow", async (t) => {
  const members = Array.from({ length: 30 }, (_, index) => index)
  const pool = { members, checked() {} }
  const checks = new HealthChecks(pool, { interval_ms: 2 ** 31 - 1 }, async () => undefined, systemClock)
  checks.start()
  t.teardown(() => checks.stop())
  await setImmediate()
  t.strictSame(overflows, [])
})
