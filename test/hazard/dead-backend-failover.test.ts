/**
 * A session fails over from a backend that can't be dialled. Once a backend has the request there is no
 * failover: two backends would get the same request.
 */
import { once } from "node:events"
import t, { type Test } from "tap"
import { createProxy, type RunningProxy } from "../../lib/index.js"
import { upgradeHead } from "../support/http/heads.js"
import { deadAddress, startBackend, startEchoBackend } from "../support/peers/backend.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { startUnansweringPort } from "../support/peers/unanswering-port.js"
import { collectLog } from "../support/program/log-lines.js"
import { nextEnd, nextRefusal, openTunnel, SHORT_MS, startProxy } from "../support/program/proxy.js"

async function startLoggingProxy(t: Test, backends: string[]) {
  const { log, lines } = collectLog()
  const proxy = await createProxy({ ws_proxy: [{ bind: "127.0.0.1:0", backends }] }, { log })
  t.teardown(() => proxy.close(0))
  const failures = () =>
    lines.flatMap(({ msg, backend }) => (/not be dialled/.test(String(msg)) ? [backend] : []))
  const refusals = () => lines.filter(({ msg }) => msg === "session refused")
  return { proxy, failures, refusals }
}

function ask(proxy: RunningProxy): Promise<RawPeer> {
  return RawPeer.connect(proxy.address()).then((client) => client.write(upgradeHead()))
}

t.test("the next backend is tried when one refuses the connection", async (t) => {
  const dead = [await deadAddress(), await deadAddress()]
  const live = await startEchoBackend(t)
  const { proxy, failures } = await startLoggingProxy(t, [...dead, live.address])
  const end = nextEnd(proxy)
  const client = await openTunnel(proxy)
  t.match(client.text, /^HTTP\/1\.1 101 /)
  t.same(failures(), dead)
  client.socket.end()
  t.match(await end, { backend: live.address })
})

t.test("round robin starts each session with the next backend and wraps around", async (t) => {
  const backends = [await startEchoBackend(t), await startEchoBackend(t), await startEchoBackend(t)]
  const proxy = await startProxy(t, { backends: backends.map(({ address }) => address) })
  for (let i = 0; i < 9; i++) await openTunnel(proxy)
  t.same(
    backends.map(({ peers }) => peers.length),
    [3, 3, 3],
  )
})

t.test("the turns of a dead backend go to the next one", async (t) => {
  const live = [await startEchoBackend(t), await startEchoBackend(t)]
  const proxy = await startProxy(t, {
    backends: [await deadAddress(), ...live.map(({ address }) => address)],
  })
  for (let i = 0; i < 6; i++) await openTunnel(proxy)
  t.same(
    live.map(({ peers }) => peers.length),
    [4, 2],
  )
})

t.test("a session tries each backend at most once", async (t) => {
  const dead = [await deadAddress(), await deadAddress(), await deadAddress()]
  const { proxy, failures, refusals } = await startLoggingProxy(t, dead)
  const client = await ask(proxy)
  await client.untilEnd()
  t.match(client.text, /^HTTP\/1\.1 502 /)
  t.same(failures(), dead.slice(0, 2))
  t.match(refusals(), [{ reason: "backend_unreachable", backend: dead[2], error: /ECONNREFUSED/ }])
})

t.test("a backend that is listed twice is tried once", async (t) => {
  const dead = await deadAddress()
  const { proxy, failures, refusals } = await startLoggingProxy(t, [dead, dead])
  const client = await ask(proxy)
  await client.untilEnd()
  t.same(failures(), [])
  t.match(refusals(), [{ backend: dead }])
})

t.test("the next backend is tried when one does not accept in time", async (t) => {
  const live = await startEchoBackend(t)
  const proxy = await startProxy(t, {
    backends: [await startUnansweringPort(t), live.address],
    connect_timeout_ms: SHORT_MS,
  })
  const client = await openTunnel(proxy)
  t.match(client.text, /^HTTP\/1\.1 101 /)
  t.equal(live.peers.length, 1)
})

t.test("every address of a name is tried", async (t) => {
  const live = await startEchoBackend(t)
  const proxy = await startProxy(t, { backends: [live.address.replace("127.0.0.1", "localhost")] })
  const client = await openTunnel(proxy)
  t.match(client.text, /^HTTP\/1\.1 101 /)
})

t.test("a backend that comes back is used again", async (t) => {
  const first = await startEchoBackend(t)
  const { server } = first
  const { port } = server.address() as { port: number }
  const proxy = await startProxy(t, { backends: [first.address] })
  server.close()
  await once(server, "close")
  const client = await ask(proxy)
  await client.untilEnd()
  t.match(client.text, /^HTTP\/1\.1 502 /)
  server.listen(port, "127.0.0.1")
  await once(server, "listening")
  t.match((await openTunnel(proxy)).text, /^HTTP\/1\.1 101 /)
})

const afterRequest: readonly { title: string; act: (peer: RawPeer) => void; status: RegExp }[] = [
  { title: "closes", act: (peer) => peer.socket.end(), status: /^HTTP\/1\.1 502 / },
  { title: "resets", act: (peer) => peer.socket.resetAndDestroy(), status: /^HTTP\/1\.1 502 / },
  { title: "is silent", act: () => {}, status: /^HTTP\/1\.1 504 / },
  {
    title: "refuses",
    act: (peer) => peer.write("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"),
    status: /^HTTP\/1\.1 503 Busy/,
  },
]

for (const { title, act, status } of afterRequest) {
  t.test(`no other backend is tried when one that has the request ${title}`, async (t) => {
    const first = await startBackend(t, (peer) => void peer.untilText("\r\n\r\n").then(act))
    const second = await startEchoBackend(t)
    const proxy = await startProxy(t, {
      backends: [first.address, second.address],
      handshake_timeout_ms: SHORT_MS,
    })
    const client = await ask(proxy)
    await client.untilEnd()
    t.match(client.text, status)
    t.equal(second.peers.length, 0)
    await openTunnel(proxy)
    t.equal(second.peers.length, 1, "the next session has the next turn")
    t.equal(first.peers.length, 1)
  })
}

t.test("a backend that accepts and closes at once does not count as a failed dial", async (t) => {
  const first = await startBackend(t, (peer) => peer.socket.destroy())
  const second = await startEchoBackend(t)
  const proxy = await startProxy(t, { backends: [first.address, second.address] })
  const refusal = nextRefusal(proxy)
  const client = await ask(proxy)
  await client.untilEnd()
  t.match(client.text, /^HTTP\/1\.1 502 /)
  t.match(await refusal, { reason: "no_response", backend: first.address })
  t.equal(second.peers.length, 0)
})
