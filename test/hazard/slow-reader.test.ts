/** One side sends endlessly and the other does not read: rws must stop the sender instead of buffering. */
import { createHash, randomBytes } from "node:crypto"
import t from "tap"
import { startBackend } from "../support/peers/backend.js"
import { openAnother, openPair, untilBeyondHead } from "../support/peers/open-pair.js"
import { untilStalled } from "../support/peers/stalled.js"
import { Meter } from "../support/program/meter.js"
import { nextEnd, startProxy } from "../support/program/proxy.js"

const MB = 1_000_000
const BLOCKS = 250
/** The capacity of the kernel's buffers of four sockets, with little room for what rws may add. */
const SWALLOWED = 160 * MB
const HELD_BY_RWS = 64 * MB

const directions = [
  { from: "backend", to: "client" },
  { from: "client", to: "backend" },
] as const

for (const { from, to } of directions) {
  t.test(`${BLOCKS} MB from the ${from} wait for a ${to} that does not read, and arrive whole`, async (t) => {
    const pair = await openPair(t)
    const end = nextEnd(pair.proxy)
    const sender = pair[from].socket
    pair[to].socket.pause()
    const meter = new Meter(pair[to])
    const before = process.memoryUsage().arrayBuffers

    // Blocks of an odd size, so that a lost or duplicated chunk shifts everything after it.
    const block = randomBytes(MB + 3)
    const expected = createHash("sha256")
    for (let i = 0; i < BLOCKS; i++) {
      sender.write(block)
      expected.update(block)
    }
    await untilStalled(sender)
    const swallowed = BLOCKS * block.length - sender.writableLength
    t.ok(swallowed < SWALLOWED, "the sender has been stopped", { swallowed })
    const held = process.memoryUsage().arrayBuffers - before
    t.ok(held < HELD_BY_RWS, "memory is bounded", { held })

    pair[to].write("still there")
    t.equal((await untilBeyondHead(pair[from], 11)).toString(), "still there", "the other direction flows")

    pair[to].socket.resume()
    sender.end()
    await pair[to].untilEnd()
    t.equal(meter.bytes, BLOCKS * block.length)
    t.equal(meter.digest(), expected.digest("hex"))
    pair[to].socket.end()
    const { bytesFromBackend, bytesFromClient } = await end
    const bytes = { backend: bytesFromBackend, client: bytesFromClient }
    t.equal(bytes[from], BLOCKS * block.length)
    t.equal(bytes[to], 11)
  })
}

t.test("a slow reader neither slows down other tunnels nor mixes up their bytes", async (t) => {
  const server = await startBackend(t)
  const proxy = await startProxy(t, { backends: [server.address] })
  const slow = await openAnother(proxy, server)
  slow.client.socket.pause()
  const meter = new Meter(slow.client)
  const block = randomBytes(MB + 3)
  const expected = createHash("sha256")
  for (let i = 0; i < 100; i++) {
    slow.backend.socket.write(block)
    expected.update(block)
  }
  await untilStalled(slow.backend.socket)
  const other = await openAnother(proxy, server)
  const much = randomBytes(MB)
  other.backend.write(much)
  t.ok((await untilBeyondHead(other.client, MB)).equals(much))
  t.ok(slow.backend.socket.writableLength > 0, "the slow one is still waiting")
  slow.client.socket.resume()
  await meter.untilBytes(100 * block.length)
  t.equal(meter.digest(), expected.digest("hex"))
})

t.test("if both sides flood at once, both streams arrive whole", async (t) => {
  const { client, backend } = await openPair(t)
  const meters = { client: new Meter(client), backend: new Meter(backend) }
  const blocks = { client: randomBytes(MB + 1), backend: randomBytes(MB + 7) }
  const expected = { client: createHash("sha256"), backend: createHash("sha256") }
  for (let i = 0; i < 40; i++) {
    client.socket.write(blocks.backend)
    expected.backend.update(blocks.backend)
    backend.socket.write(blocks.client)
    expected.client.update(blocks.client)
  }
  client.socket.end()
  backend.socket.end()
  await Promise.all([client.untilClosed(), backend.untilClosed()])
  t.equal(meters.client.digest(), expected.client.digest("hex"))
  t.equal(meters.backend.digest(), expected.backend.digest("hex"))
})

t.test("a peer that echoes while it is flooded loses nothing", async (t) => {
  const { client, backend } = await openPair(t)
  backend.socket.removeAllListeners("data")
  backend.socket.pipe(backend.socket)
  const meter = new Meter(client)
  const block = randomBytes(MB + 5)
  const expected = createHash("sha256")
  for (let i = 0; i < 60; i++) {
    client.socket.write(block)
    expected.update(block)
  }
  client.socket.end()
  await client.untilEnd()
  t.equal(meter.bytes, 60 * block.length)
  t.equal(meter.digest(), expected.digest("hex"))
})
