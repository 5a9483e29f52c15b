/** A slow client is served, a stalling one is refused at its deadline, and neither delays other clients. */
import t from "tap"
import { upgradeHead } from "../support/http/heads.js"
import { startEchoBackend } from "../support/peers/backend.js"
import { untilBeyondHead } from "../support/peers/open-pair.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { startClockedProxy } from "../support/program/clocked-proxy.js"
import { nextRefusal, openTunnel, startProxy } from "../support/program/proxy.js"

const TIMEOUT_MS = 10_000
/** How long a refused client is waited for, as in lib/session/refuse.ts. */
const LINGER_MS = 2000

t.test("many clients that stall within their head do not delay another one", async (t) => {
  const backend = await startEchoBackend(t)
  const proxy = await startProxy(t, { backends: [backend.address] })
  const head = upgradeHead()
  const stalling: RawPeer[] = []
  for (let sent = 0; sent < head.length; sent++) {
    const client = await RawPeer.connect(proxy.address())
    stalling.push(client.write(head.slice(0, sent)))
  }
  t.match((await openTunnel(proxy)).text, /^HTTP\/1\.1 101 /)
  t.equal(backend.peers.length, 1)
  for (const [sent, client] of stalling.entries()) client.write(head.slice(sent))
  for (const client of stalling) await client.untilText("\r\n\r\n")
  t.equal(backend.peers.length, 1 + stalling.length)
})

t.test("a slow client whose head is complete in time is served", async (t) => {
  const backend = await startEchoBackend(t)
  const proxy = await startProxy(t, { backends: [backend.address], read_timeout_ms: 60_000 })
  const client = await RawPeer.connect(proxy.address())
  const text = `${upgradeHead()}hello`
  let at = 0
  const drip = setInterval(() => {
    client.write(text.slice(at, at + 8))
    at += 8
    if (at >= text.length) clearInterval(drip)
  }, 10)
  t.teardown(() => clearInterval(drip))
  t.equal((await untilBeyondHead(client, 5)).toString(), "hello")
})

t.test("each stalling client is refused at its own deadline", async (t) => {
  const backend = await startEchoBackend(t)
  const proxy = await startClockedProxy(t, { backends: [backend.address], read_timeout_ms: TIMEOUT_MS })
  const waves: RawPeer[][] = []
  for (const wave of [1, 2]) {
    const clients: RawPeer[] = []
    for (let i = 0; i < 25; i++) clients.push((await RawPeer.connect(proxy.address())).write("GET / H"))
    waves.push(clients)
    await proxy.untilSessions(25 * wave)
    proxy.clock.advance(TIMEOUT_MS / 2)
  }
  const [early = [], late = []] = waves
  for (const client of early) t.match((await client.untilEnd()).text, /^HTTP\/1\.1 408 /)
  t.notOk(late.some(({ ended }) => ended))
  proxy.clock.advance(TIMEOUT_MS / 2)
  for (const client of late) t.match((await client.untilEnd()).text, /^HTTP\/1\.1 408 /)
  t.equal(backend.peers.length, 0)
})

t.test("a refused client that neither reads nor closes is closed", async (t) => {
  const backend = await startEchoBackend(t)
  const proxy = await startClockedProxy(t, { backends: [backend.address] })
  const refusal = nextRefusal(proxy)
  const client = await RawPeer.connect(proxy.address())
  client.socket.pause()
  client.write("\0")
  await refusal
  // This close resolves only if the refusal has a deadline of its own.
  const closing = proxy.close(600_000)
  proxy.clock.advance(LINGER_MS)
  await closing
  client.socket.resume()
  await client.untilEnd()
  t.match(client.text, /^HTTP\/1\.1 400 /)
})

t.test("a refused client that never stops sending is cut off", async (t) => {
  const backend = await startEchoBackend(t)
  const proxy = await startClockedProxy(t, { backends: [backend.address] })
  const client = await RawPeer.connect(proxy.address())
  client.write("\0")
  await client.untilEnd()
  const drip = setInterval(() => client.write("more"), 10)
  t.teardown(() => clearInterval(drip))
  proxy.clock.advance(LINGER_MS)
  await client.untilClosed()
  t.match(client.text, /^HTTP\/1\.1 400 /)
  t.match(client.error?.code, /^(ECONNRESET|EPIPE)$/)
})
