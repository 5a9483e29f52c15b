/** A FIN ends one direction. The other side's remaining data must still arrive, and then its FIN. */
import { createHash, randomBytes } from "node:crypto"
import t from "tap"
import { answerHead, upgradeHead } from "../support/http/heads.js"
import { startBackend } from "../support/peers/backend.js"
import { dribble } from "../support/peers/dribble.js"
import { openPair, untilBeyondHead } from "../support/peers/open-pair.js"
import { pour } from "../support/peers/pour.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { Meter } from "../support/program/meter.js"
import { nextEnd, startProxy } from "../support/program/proxy.js"

const sides = [
  { first: "client", last: "backend" },
  { first: "backend", last: "client" },
] as const

for (const { first, last } of sides) {
  t.test(
    `after the ${first}'s FIN, late data from the ${last} still flows, and then both sides end cleanly`,
    async (t) => {
      const pair = await openPair(t)
      const end = nextEnd(pair.proxy)
      pair[first].write("bye")
      pair[first].socket.end()
      await pair[last].untilEnd()
      t.equal((await untilBeyondHead(pair[last], 3)).toString(), "bye")
      t.equal(pair[first].ended, false, "one FIN does not close both directions")
      await dribble(pair[last], "late data")
      t.equal((await untilBeyondHead(pair[first], 9)).toString(), "late data")
      t.equal(pair[first].ended, false)
      const much = randomBytes(3_000_000)
      pair[last].write(much)
      pair[last].socket.end()
      await pair[first].untilEnd()
      t.ok((await untilBeyondHead(pair[first], 9 + much.length)).subarray(9).equals(much))
      await Promise.all([pair.client.untilClosed(), pair.backend.untilClosed()])
      t.equal(pair.client.error, undefined)
      t.equal(pair.backend.error, undefined)
      t.match(await end, { reason: `${first}_fin`, who: first })
    },
  )

  t.test(`the ${first}'s FIN follows its last byte, however late the ${last} reads`, async (t) => {
    const pair = await openPair(t)
    const block = randomBytes(1_000_003)
    const expected = createHash("sha256")
    pair[last].socket.pause()
    const meter = new Meter(pair[last])
    for (let i = 0; i < 80; i++) {
      pair[first].socket.write(block)
      expected.update(block)
    }
    pair[first].socket.end()
    pair[last].socket.write("go")
    await untilBeyondHead(pair[first], 2)
    pair[last].socket.resume()
    await pair[last].untilEnd()
    t.equal(meter.bytes, 80 * block.length)
    t.equal(meter.digest(), expected.digest("hex"))
    pair[last].socket.end()
    await pair[first].untilClosed()
    t.equal(pair[first].error, undefined)
  })
}

t.test("simultaneous FINs of both sides end the tunnel", async (t) => {
  const { proxy, client, backend } = await openPair(t)
  const end = nextEnd(proxy)
  client.socket.end()
  backend.socket.end()
  await Promise.all([client.untilClosed(), backend.untilClosed()])
  t.match(await end, { reason: /^(client|backend)_fin$/ })
})

t.test("a backend's FIN right after its 101 is passed on, and the client may still send", async (t) => {
  const server = await startBackend(t)
  const proxy = await startProxy(t, { backends: [server.address] })
  const client = await RawPeer.connect(proxy.address())
  client.write(upgradeHead())
  const backend = await server.peer()
  await backend.untilText("\r\n\r\n")
  backend.socket.end(`${answerHead()}frame`)
  await client.untilEnd()
  t.match(client.text, /\r\n\r\nframe$/)
  client.write("still here")
  t.equal((await untilBeyondHead(backend, 10)).toString(), "still here")
  client.socket.end()
  await Promise.all([client.untilClosed(), backend.untilClosed()])
  t.equal(client.error, undefined)
})

t.test("a client that has closed both directions resets a backend that keeps sending", async (t) => {
  const { client, backend } = await openPair(t)
  client.socket.destroy()
  await backend.untilEnd()
  pour(backend, Buffer.alloc(65_536))
  await backend.untilClosed()
  t.match(backend.error?.code, /^(ECONNRESET|EPIPE)$/)
})
