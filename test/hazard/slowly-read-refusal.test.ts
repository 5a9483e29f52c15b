/** A backend's refusal has a large body, and the client reads it slowly but steadily. */
import { createHash, randomBytes } from "node:crypto"
import t from "tap"
import { head, upgradeHead } from "../support/http/heads.js"
import { startBackend } from "../support/peers/backend.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { readSteadily } from "../support/peers/read-steadily.js"
import { Meter } from "../support/program/meter.js"
import { nextEnd, startProxy } from "../support/program/proxy.js"

const BODY = randomBytes(10_000_000)
const BYTES_PER_MS = 4_000
const STALL_MS = 700

t.test("it arrives whole, though it takes longer than handshake_timeout_ms", async (t) => {
  const refusal = head("HTTP/1.1 403 Forbidden", { "Content-Length": String(BODY.length) })
  const backend = await startBackend(t, (peer) => {
    void peer.untilText("\r\n\r\n").then(() => peer.write(refusal).write(BODY))
  })
  const proxy = await startProxy(t, { backends: [backend.address], handshake_timeout_ms: STALL_MS })
  const end = nextEnd(proxy)
  const client = await RawPeer.connect(proxy.address())
  await client.write(upgradeHead()).untilText("\r\n\r\n")
  const early = client.received.subarray(client.received.indexOf("\r\n\r\n") + 4)
  const meter = new Meter(client)
  readSteadily(client, BYTES_PER_MS)
  t.match(await end, { reason: "refused_by_backend", status: 403 })
  await client.untilEnd()
  t.equal(early.length + meter.bytes, BODY.length)
  t.equal(meter.digest(), createHash("sha256").update(BODY.subarray(early.length)).digest("hex"))
  client.socket.end()
  await client.untilClosed()
  t.equal(client.error, undefined, "and the connection is not reset")
})

t.test("a client that reads nothing of it is let go, and nobody else is blamed", async (t) => {
  const refusal = head("HTTP/1.1 403 Forbidden", { "Content-Length": String(2 * BODY.length) })
  const backend = await startBackend(t, (peer) => {
    void peer.untilText("\r\n\r\n").then(() => peer.write(refusal).write(BODY).write(BODY))
  })
  const proxy = await startProxy(t, { backends: [backend.address], handshake_timeout_ms: STALL_MS / 7 })
  const end = nextEnd(proxy)
  const client = await RawPeer.connect(proxy.address())
  client.socket.pause()
  client.write(upgradeHead())
  t.match(await end, { reason: "client_aborted_in_relay", who: "client" })
})
