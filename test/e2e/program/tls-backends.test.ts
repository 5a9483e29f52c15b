/** wss:// backends behind the real program. */

import { once } from "node:events"
import { createServer } from "node:https"
import t, { type Test } from "tap"
import { WebSocketServer } from "ws"
import { upgradeHead } from "../../support/http/heads.js"
import { RawPeer } from "../../support/peers/raw-peer.js"
import { makeTestCa, type TestCa } from "../../support/peers/test-ca.js"
import { connectWs } from "../../support/peers/ws-backend.js"
import { serveFile, untilLogged } from "../../support/program/program.js"

/** A WebSocket echo server over TLS with a certificate for `name`. It records the requested paths. */
async function startSecureEcho(t: Test, ca: TestCa, name: string, requireCertificate = false) {
  const { cert, key } = ca.issue(name)
  const server = createServer({
    cert,
    key,
    ca: ca.cert,
    requestCert: requireCertificate,
    rejectUnauthorized: requireCertificate,
  })
  const paths: (string | undefined)[] = []
  const sockets = new WebSocketServer({ server })
  sockets.on("connection", (socket, request) => {
    paths.push(request.url)
    socket.on("error", () => {})
    socket.on("message", (message, binary) => socket.send(message, { binary }))
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  t.teardown(() => {
    for (const socket of sockets.clients) socket.terminate()
    server.close()
  })
  const bound = server.address()
  if (bound === null || typeof bound === "string") throw new Error("not bound to a port")
  return { port: bound.port, paths }
}

function config(backend: string, tls: string): string {
  return `[[ws_proxy]]\nbind = "127.0.0.1:0"\npool = "secure"\n[pool.secure]\nbackends = ["${backend}"]\n[pool.secure.tls]\n${tls}\n`
}

const ca = makeTestCa(t)

t.test(
  "a backend with a valid certificate gets its base path, and a large message is echoed whole",
  async (t) => {
    const { port, paths } = await startSecureEcho(t, ca, "DNS:localhost")
    const { address } = await serveFile(t, config(`wss://localhost:${port}/base`, `ca = "${ca.certFile}"`))
    const client = await connectWs(t, `ws://${address}/chat?a=1`)
    const message = Buffer.alloc(3_000_000, "0123456789")
    client.send(message)
    const [answer] = await once(client, "message")
    t.ok(message.equals(answer as Buffer))
    t.same(paths, ["/base/chat?a=1"])
    client.close(1000)
    const [code] = await once(client, "close")
    t.equal(code, 1000, "the backend's Close frame arrived")
  },
)

t.test("server_name is sent as SNI and verified", async (t) => {
  const { port } = await startSecureEcho(t, ca, "DNS:chat.example")
  const tls = `ca = "${ca.certFile}"\nserver_name = "chat.example"`
  const { address } = await serveFile(t, config(`wss://127.0.0.1:${port}`, tls))
  await connectWs(t, `ws://${address}/`)
})

t.test("a backend that requires a client certificate gets it", async (t) => {
  const { port } = await startSecureEcho(t, ca, "IP:127.0.0.1", true)
  const own = ca.issue("DNS:rws.example")
  const tls = `ca = "${ca.certFile}"\ncert = "${own.certFile}"\nkey = "${own.keyFile}"`
  const { address } = await serveFile(t, config(`https://127.0.0.1:${port}`, tls))
  await connectWs(t, `ws://${address}/`)
})

const refused: readonly [what: string, name: string, tls: () => string, why: RegExp][] = [
  [
    "from an unknown authority",
    "IP:127.0.0.1",
    () => "insecure_skip_verify = false",
    /self.signed|unable to (?:verify|get)/,
  ],
  ["for another name", "DNS:other.example", () => `ca = "${ca.certFile}"`, /does not match/],
]

for (const [what, name, tls, why] of refused) {
  t.test(`a certificate ${what} is a 502, the log says why, and the backend sees no request`, async (t) => {
    const { port, paths } = await startSecureEcho(t, ca, name)
    const { rws, address } = await serveFile(t, config(`wss://127.0.0.1:${port}`, tls()))
    const client = await RawPeer.connect(address)
    await client.write(upgradeHead()).untilEnd()
    t.match(client.text, /^HTTP\/1\.1 502 /)
    const refused = await untilLogged(rws, ({ msg }) => msg === "session refused")
    t.match(refused, { reason: "backend_unreachable", error: why })
    t.same(paths, [])
  })
}

t.test("insecure_skip_verify accepts any certificate", async (t) => {
  const { port } = await startSecureEcho(t, ca, "DNS:other.example")
  const { address } = await serveFile(t, config(`wss://127.0.0.1:${port}`, "insecure_skip_verify = true"))
  await connectWs(t, `ws://${address}/`)
})
