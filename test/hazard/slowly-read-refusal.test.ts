/** A backend's refusal with a large body, which the client reads slowly but steadily, or not at all. */
import { createHash, randomBytes } from "node:crypto"
import t from "tap"
import { head, upgradeHead } from "../support/http/heads.js"
import { startBackend } from "../support/peers/backend.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { readSteadily } from "../support/peers/read-steadily.js"
import { untilStalled } from "../support/peers/stalled.js"
import { turnUntil } from "../support/pool/turns.js"
import { startClockedProxy } from "../support/program/clocked-proxy.js"
import { Meter } from "../support/program/meter.js"
import { nextEnd } from "../support/program/proxy.js"

const BODY = randomBytes(20_000_000)
const BYTES_PER_MS = 4_000
const TIMEOUT_MS = 700

t.test("a large refusal arrives whole although it takes longer than handshake_timeout_ms", async (t) => {
  const refusal = head("HTTP/1.1 403 Forbidden", { "Content-Length": String(BODY.length) })
  const backend = await startBackend(t, (peer) => {
    void peer.untilText("\r\n\r\n").then(() => peer.write(refusal).write(BODY))
  })
  const proxy = await startClockedProxy(t, { backends: [backend.address], handshake_timeout_ms: TIMEOUT_MS })
  const end = nextEnd(proxy)
  const client = await RawPeer.connect(proxy.address())
  await client.write(upgradeHead()).untilText("\r\n\r\n")
  const early = client.received.subarray(client.received.indexOf("\r\n\r\n") + 4)
  const meter = new Meter(client)
  readSteadily(client, BYTES_PER_MS, proxy.clock)
  t.match(await end, { reason: "refused_by_backend", status: 403 })
  t.ok(proxy.clock.nowMs() > TIMEOUT_MS, "it took longer than the timeout")
  await client.untilEnd()
  t.equal(early.length + meter.bytes, BODY.length)
  t.equal(meter.digest(), createHash("sha256").update(BODY.subarray(early.length)).digest("hex"))
  client.socket.end()
  await client.untilClosed()
  t.equal(client.error, undefined, "the connection is not reset")
})

t.test(
  "a client that reads nothing of a large refusal is closed, and the backend is not blamed",
  async (t) => {
    const refusal = head("HTTP/1.1 403 Forbidden", { "Content-Length": String(BODY.length) })
    const backend = await startBackend(t, (peer) => {
      void peer.untilText("\r\n\r\n").then(() => peer.write(refusal).write(BODY))
    })
    const proxy = await startClockedProxy(t, {
      backends: [backend.address],
      handshake_timeout_ms: TIMEOUT_MS,
    })
    const end = nextEnd(proxy)
    const client = await RawPeer.connect(proxy.address())
    client.socket.pause()
    client.write(upgradeHead())
    const peer = await backend.peer()
    await turnUntil(() => peer.socket.writableLength > 0, "the refusal")
    await untilStalled(peer.socket)
    proxy.clock.advance(3 * TIMEOUT_MS)
    t.match(await end, { reason: "client_aborted_in_relay", who: "client" })
  },
)
