/** A client connection carries one request. A backend must never read any other bytes of it as a request. */
import t, { type Test } from "tap"
import type { RunningProxy } from "../../lib/index.js"
import { answerHead, KEY, upgradeHead } from "../support/http/heads.js"
import { answerUpgrade, type RawBackend, startBackend } from "../support/peers/backend.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { openTunnel, startProxy } from "../support/program/proxy.js"

const SECOND = upgradeHead({}, "GET /admin HTTP/1.1")

/** A backend that responds to /chat with `response` and to any other request with a 101. */
function startGuard(t: Test, answer: string): Promise<RawBackend> {
  return startBackend(t, (peer) => {
    void peer.untilText("\r\n\r\n").then(async () => {
      if (peer.text.startsWith("GET /chat ")) peer.write(answer)
      else await answerUpgrade(peer)
    })
  })
}

/** All request lines so far, in order, after one more handshake has made sure that they have arrived. */
async function requestLines(proxy: RunningProxy, backend: RawBackend): Promise<string[]> {
  await openTunnel(proxy, upgradeHead({}, "GET /later HTTP/1.1"))
  return backend.peers.flatMap(({ text }) => text.match(/^[A-Z]+ .* HTTP\/1\.1$/gm) ?? [])
}

const refusedByRws: readonly { title: string; head: string }[] = [
  { title: "without a key", head: upgradeHead({ "Sec-WebSocket-Key": undefined }) },
  { title: "with another version", head: upgradeHead({ "Sec-WebSocket-Version": "777" }) },
  { title: "without an upgrade", head: upgradeHead({ Upgrade: undefined }) },
  { title: "to h2c", head: upgradeHead({ Upgrade: "h2c", Connection: "Upgrade, HTTP2-Settings" }) },
  { title: "with a Content-Length", head: upgradeHead({ "Content-Length": String(SECOND.length) }) },
  { title: "with a chunked body", head: upgradeHead({ "Transfer-Encoding": "chunked" }) },
  {
    title: "with Content-Length and Transfer-Encoding",
    head: upgradeHead({ "Content-Length": "4", "Transfer-Encoding": "chunked" }),
  },
  { title: "with an obscured Transfer-Encoding", head: upgradeHead({ "Transfer-Encoding": "xchunked" }) },
  { title: "with a bare LF", head: upgradeHead().replace("websocket\r\n", "websocket\n") },
  { title: "with a request line after a bare CR in a value", head: upgradeHead({ X: `a\r${SECOND}` }) },
  {
    title: "whose Connection lists the key",
    head: upgradeHead({ Connection: "Upgrade, Sec-WebSocket-Key" }),
  },
  { title: "whose Connection lists Host", head: upgradeHead({ Connection: "Upgrade, host" }) },
  {
    title: "with a body whose fields Connection lists",
    head: upgradeHead({ Connection: "Upgrade, Content-Length", "Content-Length": "5" }),
  },
]

for (const { title, head } of refusedByRws) {
  t.test(`bytes after a request ${title} reach no backend`, async (t) => {
    const backend = await startGuard(t, answerHead())
    const proxy = await startProxy(t, { backends: [backend.address] })
    const client = await RawPeer.connect(proxy.address())
    client.write(head + SECOND)
    await client.untilEnd()
    t.match(client.text, /^HTTP\/1\.1 4/)
    t.equal(client.text.match(/^HTTP/gm)?.length, 1, "there is one response")
    client.write(SECOND)
    t.same(await requestLines(proxy, backend), ["GET /later HTTP/1.1"])
    t.equal(backend.peers.length, 1)
  })
}

const refusals: readonly { title: string; answer: string }[] = [
  { title: "403", answer: "HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nno!" },
  {
    title: "chunked 404",
    answer: "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nno!\r\n0\r\n\r\n",
  },
  {
    title: "426",
    answer: "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nContent-Length: 0\r\n\r\n",
  },
  {
    title: "200 that looks like an upgrade",
    answer: `${answerHead({ "Content-Length": "0" }, KEY, "HTTP/1.1 200 OK")}`,
  },
  {
    title: "503 with keep-alive",
    answer: "HTTP/1.1 503 No\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\nContent-Length: 0\r\n\r\n",
  },
]

for (const { title, answer } of refusals) {
  t.test(
    `a second request after one that the backend refuses with ${title} reaches no backend`,
    async (t) => {
      const backend = await startGuard(t, answer)
      const proxy = await startProxy(t, { backends: [backend.address] })
      const client = await RawPeer.connect(proxy.address())
      client.write(upgradeHead() + SECOND)
      await client.untilEnd()
      client.write(SECOND)
      const status = answer.slice(0, 12)
      t.equal(client.text.slice(0, 12), status)
      t.match(client.text, /\r\nConnection: close\r\n/)
      t.notMatch(client.text, "Keep-Alive")
      t.same(await requestLines(proxy, backend), ["GET /chat HTTP/1.1", "GET /later HTTP/1.1"])
      t.notMatch(backend.peers[0]?.text, "admin")
    },
  )
}

t.test("a second request reaches no backend if the 101 before it is not valid", async (t) => {
  const backend = await startGuard(t, answerHead({ "Sec-WebSocket-Accept": "x" }))
  const proxy = await startProxy(t, { backends: [backend.address] })
  const client = await RawPeer.connect(proxy.address())
  client.write(upgradeHead() + SECOND)
  await client.untilEnd()
  t.match(client.text, /^HTTP\/1\.1 502 /)
  t.same(await requestLines(proxy, backend), ["GET /chat HTTP/1.1", "GET /later HTTP/1.1"])
})

t.test("a second request that arrives while the backend is silent reaches no backend", async (t) => {
  const backend = await startGuard(t, "")
  const proxy = await startProxy(t, { backends: [backend.address], handshake_timeout_ms: 150 })
  const client = await RawPeer.connect(proxy.address())
  client.write(upgradeHead())
  await (await backend.peer()).untilText("\r\n\r\n")
  client.write(SECOND)
  await client.untilEnd()
  t.match(client.text, /^HTTP\/1\.1 504 /)
  t.same(await requestLines(proxy, backend), ["GET /chat HTTP/1.1", "GET /later HTTP/1.1"])
})

t.test("a Content-Length in a 101 does not reach the client, which might truncate the stream", async (t) => {
  const backend = await startGuard(t, `${answerHead({ "Content-Length": "5" })}0123456789`)
  const proxy = await startProxy(t, { backends: [backend.address] })
  const client = await RawPeer.connect(proxy.address())
  client.write(upgradeHead())
  await client.untilText("0123456789")
  t.equal(client.text, `${answerHead()}0123456789`)
})
