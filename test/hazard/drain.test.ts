/**
 * At the end of a proxy: nobody new comes in, those who are inside may finish, and then there is a deadline.
 */
import { once } from "node:events"
import { connect } from "node:net"
import t from "tap"
import { upgradeHead } from "../support/http/heads.js"
import { startBackend } from "../support/peers/backend.js"
import { openPair, untilBeyondHead } from "../support/peers/open-pair.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { untilStalled } from "../support/peers/stalled.js"
import { wasReset } from "../support/peers/was-reset.js"
import { Meter } from "../support/program/meter.js"
import { nextEnd, nextRefusal, SHORT_MS, startProxy } from "../support/program/proxy.js"

async function connectFault(address: string): Promise<string | undefined> {
  const [host = "", port] = address.split(":")
  const socket = connect({ host, port: Number(port) })
  const [error] = (await once(socket, "error")) as [NodeJS.ErrnoException]
  return error.code
}

t.test("a tunnel lives on while the proxy drains, and its end is the end of the drain", async (t) => {
  const { proxy, client, backend } = await openPair(t)
  const address = proxy.address()
  const end = nextEnd(proxy)
  let drained = false
  const closing = proxy.close().then(() => {
    drained = true
  })
  t.equal(await connectFault(address), "ECONNREFUSED")
  client.write("one more")
  t.equal((await untilBeyondHead(backend, 8)).toString(), "one more")
  backend.write("answer")
  t.equal((await untilBeyondHead(client, 6)).toString(), "answer")
  t.equal(drained, false)
  client.socket.end()
  await backend.untilEnd()
  backend.socket.end()
  await closing
  t.match(await end, { reason: "client_fin" })
  await Promise.all([client.untilClosed(), backend.untilClosed()])
  t.equal(client.error, undefined)
  t.equal(backend.error, undefined)
})

t.test("a tunnel that is open at the deadline is closed on both sides", async (t) => {
  const { proxy, client, backend } = await openPair(t, { drain_timeout_ms: SHORT_MS })
  const end = nextEnd(proxy)
  await proxy.close()
  t.match(await end, { reason: "drain_timeout", who: "proxy" })
  for (const peer of [client, backend]) {
    await peer.untilEnd()
    peer.socket.end()
    await peer.untilClosed()
    t.equal(peer.error, undefined, "with FIN: nothing was on the way")
  }
})

t.test("a second close with no time to wait closes at once", async (t) => {
  const { proxy, client, backend } = await openPair(t)
  const end = nextEnd(proxy)
  const first = proxy.close()
  await proxy.close(0)
  t.match(await end, { reason: "drain_timeout" })
  await first
  await Promise.all([client.untilEnd(), backend.untilEnd()])
})

t.test("a close with a deadline of its own does not wait for the configured one", async (t) => {
  const { proxy } = await openPair(t, { drain_timeout_ms: 600_000 })
  const end = nextEnd(proxy)
  await proxy.close(SHORT_MS)
  t.match(await end, { reason: "drain_timeout" })
})

t.test("a proxy without sessions is closed at once, and again", async (t) => {
  const backend = await startBackend(t)
  const proxy = await startProxy(t, { backends: [backend.address] })
  const address = proxy.address()
  await proxy.close()
  await proxy.close()
  t.equal(await connectFault(address), "ECONNREFUSED")
})

t.test("a session whose handshake is under way may become a tunnel", async (t) => {
  const server = await startBackend(t)
  const proxy = await startProxy(t, { backends: [server.address] })
  const client = await RawPeer.connect(proxy.address())
  client.write(upgradeHead())
  const backend = await server.peer()
  await backend.untilText("\r\n\r\n")
  const closing = proxy.close()
  backend.write("HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nno!")
  await client.untilEnd()
  t.match(client.text, /^HTTP\/1\.1 403 /)
  client.socket.end()
  await closing
})

const stages: readonly { title: string; sent: string; reached: (peers: number) => boolean }[] = [
  { title: "has sent nothing", sent: "", reached: () => true },
  { title: "has sent half a head", sent: upgradeHead().slice(0, 50), reached: () => true },
  { title: "waits for the backend", sent: upgradeHead(), reached: (peers) => peers > 0 },
]

for (const { title, sent, reached } of stages) {
  t.test(`a client that ${title} is closed at the deadline`, async (t) => {
    const server = await startBackend(t)
    const proxy = await startProxy(t, { backends: [server.address], drain_timeout_ms: SHORT_MS })
    const other = await RawPeer.connect(proxy.address())
    const client = await RawPeer.connect(proxy.address())
    client.write(sent)
    // The refusal of a second client shows that the first one has been accepted.
    other.write("\0")
    await nextRefusal(proxy)
    other.socket.destroy()
    while (!reached(server.peers.length)) await once(server.server, "peer")
    const end = nextEnd(proxy)
    await proxy.close()
    t.match(await end, { reason: "drain_timeout" })
    await client.until(({ ended, closed }) => ended || closed)
    t.equal(client.text, "")
    for (const peer of server.peers) await peer.until(({ ended, closed }) => ended || closed)
  })
}

for (const [from, to] of [
  ["client", "backend"],
  ["backend", "client"],
] as const) {
  t.test(`a ${to} that does not read what the ${from} sends cannot hold up the end`, async (t) => {
    const pair = await openPair(t)
    const end = nextEnd(pair.proxy)
    pair[to].socket.pause()
    new Meter(pair[to])
    for (let i = 0; i < 100; i++) pair[from].socket.write(Buffer.alloc(1_000_000))
    await untilStalled(pair[from].socket)
    await pair.proxy.close(0)
    t.match(await end, { reason: "drain_timeout" })
    pair[to].socket.resume()
    for (const peer of [pair.client, pair.backend]) {
      t.equal(await wasReset(peer), true, "a cut stream does not look like a whole one")
    }
  })
}
