/** A slow client is served, a stalling one is not waited for, and neither holds up anybody else. */
import t from "tap"
import { upgradeHead } from "../support/http/heads.js"
import { startEchoBackend } from "../support/peers/backend.js"
import { untilBeyondHead } from "../support/peers/open-pair.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { nextRefusal, openTunnel, SHORT_MS, startProxy } from "../support/program/proxy.js"

t.test("many clients that stall within their head do not hold up another one", async (t) => {
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

t.test("every stalling client is refused at its own deadline", async (t) => {
  const backend = await startEchoBackend(t)
  const proxy = await startProxy(t, { backends: [backend.address], read_timeout_ms: SHORT_MS })
  const clients: RawPeer[] = []
  for (let i = 0; i < 50; i++) clients.push((await RawPeer.connect(proxy.address())).write("GET / H"))
  for (const client of clients) {
    await client.untilEnd()
    t.match(client.text, /^HTTP\/1\.1 408 /)
  }
  t.equal(backend.peers.length, 0)
})

t.test("a refused client that neither reads nor closes is let go", async (t) => {
  const backend = await startEchoBackend(t)
  const proxy = await startProxy(t, { backends: [backend.address] })
  const refusal = nextRefusal(proxy)
  const client = await RawPeer.connect(proxy.address())
  client.socket.pause()
  client.write("\0")
  await refusal
  // Without a deadline of its own for the refusal this close would wait for the one of the drain, and the
  // test with it.
  await proxy.close(600_000)
  client.socket.resume()
  await client.untilEnd()
  t.match(client.text, /^HTTP\/1\.1 400 /)
})

t.test("a refused client that goes on sending for ever is cut off", async (t) => {
  const backend = await startEchoBackend(t)
  const proxy = await startProxy(t, { backends: [backend.address] })
  const client = await RawPeer.connect(proxy.address())
  client.write("\0")
  const drip = setInterval(() => client.write("more"), 10)
  t.teardown(() => clearInterval(drip))
  await client.untilClosed()
  t.match(client.text, /^HTTP\/1\.1 400 /)
  t.match(client.error?.code, /^(ECONNRESET|EPIPE)$/)
})
