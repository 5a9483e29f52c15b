/** A reset means that bytes may be missing. The other side must see a reset as well, never a clean end. */
import t from "tap"
import { openPair, untilBeyondHead } from "../support/peers/open-pair.js"
import { pour } from "../support/peers/pour.js"
import { Meter } from "../support/program/meter.js"
import { nextEnd } from "../support/program/proxy.js"

const sides = [
  { first: "client", last: "backend" },
  { first: "backend", last: "client" },
] as const

for (const { first, last } of sides) {
  t.test(`a reset by the ${first} resets the ${last}`, async (t) => {
    const pair = await openPair(t)
    const end = nextEnd(pair.proxy)
    pair[first].write("hello")
    await untilBeyondHead(pair[last], 5)
    pair[first].socket.resetAndDestroy()
    await pair[last].untilClosed()
    t.equal(pair[last].ended, false)
    t.equal(pair[last].error?.code, "ECONNRESET")
    t.match(await end, { reason: `${first}_reset`, who: first })
  })

  t.test(`a reset by the ${first} after the ${last}'s FIN ends the session`, async (t) => {
    const pair = await openPair(t)
    const end = nextEnd(pair.proxy)
    pair[last].socket.end()
    await pair[first].untilEnd()
    pair[first].socket.resetAndDestroy()
    await pair[last].untilClosed()
    t.equal(pair[last].ended, false)
    t.equal(pair[last].error?.code, "ECONNRESET")
    t.match(await end, { reason: `${first}_reset`, who: first })
  })

  t.test(`a reset by the ${first} after its own FIN resets a ${last} that keeps sending`, async (t) => {
    const pair = await openPair(t)
    const end = nextEnd(pair.proxy)
    pair[first].socket.end()
    await pair[last].untilEnd()
    pair[first].socket.resetAndDestroy()
    pour(pair[last], Buffer.alloc(65_536))
    await pair[last].untilClosed()
    t.match(pair[last].error?.code, /^(ECONNRESET|EPIPE)$/)
    t.match(await end, { reason: `${first}_reset`, who: first })
  })

  t.test(`a reset by the ${first} ends the session although the ${last} does not read`, async (t) => {
    const pair = await openPair(t)
    const end = nextEnd(pair.proxy)
    pair[last].socket.pause()
    const meter = new Meter(pair[last])
    // More than the kernel buffers for a peer that does not read, so rws still holds bytes at the reset.
    const much = Buffer.alloc(1_000_000)
    for (let i = 0; i < 100; i++) pair[first].socket.write(much)
    pair[last].write("ready")
    await untilBeyondHead(pair[first], 5)
    pair[first].socket.resetAndDestroy()
    // rws does not read from this side while the other one is slow, so it notices the reset only when it
    // writes.
    pour(pair[last], Buffer.alloc(65_536))
    t.match(await end, { reason: `${first}_reset`, who: first })
    pair[last].socket.resume()
    await pair[last].untilClosed()
    t.match(pair[last].error?.code, /^(ECONNRESET|EPIPE)$/)
    t.equal(pair[last].ended, false)
    t.ok(meter.bytes < 100 * much.length)
  })
}
