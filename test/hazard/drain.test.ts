/** A closing proxy accepts no clients, lets sessions finish, and closes what is left at a deadline. */
import { once } from "node:events"
import { connect } from "node:net"
import t from "tap"
import { upgradeHead } from "../support/http/heads.js"
import { startBackend } from "../support/peers/backend.js"
import { openClockedPair, openPair, untilBeyondHead } from "../support/peers/open-pair.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { untilStalled } from "../support/peers/stalled.js"
import { wasReset } from "../support/peers/was-reset.js"
import { startClockedProxy } from "../support/program/clocked-proxy.js"
import { Meter } from "../support/program/meter.js"
import { nextEnd, startProxy } from "../support/program/proxy.js"

/** Shorter than the default of every other timeout. */
const DEADLINE_MS = 1000

async function connectFault(address: string): Promise<string | undefined> {
  const [host = "", port] = address.split(":")
  const socket = connect({ host, port: Number(port) })
  const [error] = (await once(socket, "error")) as [NodeJS.ErrnoException]
  return error.code
}

t.test("a tunnel stays open while the proxy drains, and the drain ends with it", async (t) => {
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
  backend.write("reply")
  t.equal((await untilBeyondHead(client, 5)).toString(), "reply")
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
  const { proxy, client, backend } = await openClockedPair(t, { drain_timeout_ms: DEADLINE_MS })
  const end = nextEnd(proxy)
  const closing = proxy.close()
  proxy.clock.advance(DEADLINE_MS - 1)
  t.equal(client.ended, false)
  proxy.clock.advance(1)
  await closing
  t.match(await end, { reason: "drain_timeout", who: "proxy" })
  for (const peer of [client, backend]) {
    await peer.untilEnd()
    peer.socket.end()
    await peer.untilClosed()
    t.equal(peer.error, undefined, "with FIN, since nothing was in flight")
  }
})

t.test("a second close with a timeout of 0 closes at once", async (t) => {
  const { proxy, client, backend } = await openPair(t)
  const end = nextEnd(proxy)
  const first = proxy.close()
  await proxy.close(0)
  t.match(await end, { reason: "drain_timeout" })
  await first
  await Promise.all([client.untilEnd(), backend.untilEnd()])
})

t.test("a deadline passed to close overrides drain_timeout_ms", async (t) => {
  const { proxy } = await openClockedPair(t, { drain_timeout_ms: 600_000 })
  const end = nextEnd(proxy)
  const closing = proxy.close(DEADLINE_MS)
  proxy.clock.advance(DEADLINE_MS)
  await closing
  t.match(await end, { reason: "drain_timeout" })
})

t.test("a proxy without sessions closes at once, and may be closed again", async (t) => {
  const backend = await startBackend(t)
  const proxy = await startProxy(t, { backends: [backend.address] })
  const address = proxy.address()
  await proxy.close()
  await proxy.close()
  t.equal(await connectFault(address), "ECONNREFUSED")
})

t.test("a session in its handshake may finish", async (t) => {
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

const stages: readonly { title: string; sent: string; reachesBackend?: true }[] = [
  { title: "has sent nothing", sent: "" },
  { title: "has sent half a head", sent: upgradeHead().slice(0, 50) },
  { title: "waits for the backend's response", sent: upgradeHead(), reachesBackend: true },
]

for (const { title, sent, reachesBackend } of stages) {
  t.test(`a client that ${title} is closed at the deadline`, async (t) => {
    const server = await startBackend(t)
    const proxy = await startClockedProxy(t, { backends: [server.address], drain_timeout_ms: DEADLINE_MS })
    const client = await RawPeer.connect(proxy.address())
    client.write(sent)
    await proxy.untilSessions(1)
    if (reachesBackend) await (await server.peer()).untilText("\r\n\r\n")
    const end = nextEnd(proxy)
    const closing = proxy.close()
    proxy.clock.advance(DEADLINE_MS)
    await closing
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
  t.test(`a ${to} that does not read what the ${from} sends does not delay a close`, async (t) => {
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
      t.equal(await wasReset(peer), true, "a truncated stream does not look complete")
    }
  })
}

t.test(
  "a deadline that passes while the backend accepts is not taken for an abort by the client",
  async (t) => {
    const backend = await startBackend(t)
    const proxy = await startClockedProxy(t, { backends: [backend.address], drain_timeout_ms: DEADLINE_MS })
    const end = nextEnd(proxy)
    const client = await RawPeer.connect(proxy.address())
    client.write(upgradeHead())
    // The backend has accepted, and rws is about to see that.
    await backend.peer()
    const closing = proxy.close()
    proxy.clock.advance(DEADLINE_MS)
    t.match(await end, { reason: "drain_timeout", who: "proxy" })
    await closing
  },
)
