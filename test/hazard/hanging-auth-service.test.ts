/**
 * A service that is asked about each request may hang, or lose its connections, and clients don't wait
 * forever.
 */
import { once } from "node:events"
import type { ServerResponse } from "node:http"
import t from "tap"
import { createProxy } from "../../lib/index.js"
import { startHttpService } from "../support/access/http-service.js"
import { parseAnswer } from "../support/http/answer.js"
import { upgradeHead } from "../support/http/heads.js"
import { startEchoBackend } from "../support/peers/backend.js"
import { RawPeer } from "../support/peers/raw-peer.js"

const CLIENTS = 50

t.test("clients that leave while the service hangs take their requests with them", async (t) => {
  const hanging: ServerResponse[] = []
  const closed: Promise<unknown>[] = []
  let onAll: () => void = () => {}
  const all = new Promise<void>((resolve) => {
    onAll = resolve
  })
  const service = await startHttpService(t, (_request, response) => {
    closed.push(once(response, "close"))
    if (hanging.push(response) === CLIENTS) onAll()
  })
  const backend = await startEchoBackend(t)
  const listener = {
    bind: "127.0.0.1:0",
    backends: [backend.address],
    max_pending: CLIENTS,
    forward_auth: { url: service.origin, timeout_ms: 60_000 },
  }
  const proxy = await createProxy({ ws_proxy: [listener] })
  t.teardown(() => proxy.close(0))
  const reasons: (string | undefined)[] = []
  const over = new Promise<void>((resolve) => {
    proxy.on("end", ({ reason }) => {
      if (reasons.push(reason) === CLIENTS) resolve()
    })
  })
  const clients: RawPeer[] = []
  for (let count = 0; count < CLIENTS; count++) {
    clients.push((await RawPeer.connect(proxy.address())).write(upgradeHead()))
  }
  await all
  for (const { socket } of clients) socket.destroy()
  await over
  t.same(new Set(reasons), new Set(["client_aborted_in_authorize"]))
  await Promise.all(closed)
  t.equal(backend.peers.length, 0)
  const next = (await RawPeer.connect(proxy.address())).write(upgradeHead())
  const [, response] = (await once(service.server, "request")) as [unknown, ServerResponse]
  response.end()
  await next.untilText("\r\n\r\n")
  t.match(next.text, /^HTTP\/1\.1 101 /, "their places have been given back")
  next.socket.destroy()
})

t.test("a service that closes all its kept connections at once costs no client anything", async (t) => {
  const service = await startHttpService(t, (_request, response) => response.end("ok"))
  const backend = await startEchoBackend(t)
  const forward_auth = { url: service.origin }
  const listener = { bind: "127.0.0.1:0", backends: [backend.address], forward_auth }
  const proxy = await createProxy({ ws_proxy: [listener] })
  t.teardown(() => proxy.close(0))
  for (let round = 0; round < 5; round++) {
    const statuses = await Promise.all(
      Array.from({ length: CLIENTS }, async () => {
        const client = (await RawPeer.connect(proxy.address())).write(upgradeHead())
        await client.untilText("\r\n\r\n")
        client.socket.destroy()
        return parseAnswer(client.text).statusLine
      }),
    )
    t.same(new Set(statuses), new Set(["HTTP/1.1 101 Switching Protocols"]))
    service.server.closeAllConnections()
  }
})
