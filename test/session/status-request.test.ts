import t, { type Test } from "tap"
import { isStatusRequest } from "../../lib/session/status-request.js"
import { upgradeHead } from "../support/http/heads.js"
import { startEchoBackend } from "../support/peers/backend.js"
import { attempt } from "../support/peers/counted-client.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { nextEnd, startProxy } from "../support/program/proxy.js"

const PATH = "/healthz"

function head(method: string, target: string, names: readonly string[] = ["host"]) {
  const fields = names.map((name) => ({ name, value: "x", line: `${name}: x\r\n` }))
  return { text: "", method, target, version: "HTTP/1.1", fields }
}

const requests: readonly { readonly method?: string; target: string; fields?: string[]; is: boolean }[] = [
  { target: "/healthz", is: true },
  { target: "/healthz?from=lb", is: true },
  { method: "HEAD", target: "/healthz", is: true },
  { method: "POST", target: "/healthz", is: false },
  { target: "/healthz/", is: false },
  { target: "/healthzz", is: false },
  { target: "/", is: false },
  { target: "http://a/healthz", is: false },
  { target: "/healthz", fields: ["host", "upgrade"], is: false },
]

for (const { method = "GET", target, fields, is } of requests) {
  t.test(`${method} ${target} with ${fields ?? "host"} is ${is ? "a" : "no"} status request`, async (t) => {
    t.equal(isStatusRequest(head(method, target, fields), PATH), is)
    t.equal(isStatusRequest(head(method, target, fields), undefined), false)
  })
}

async function start(t: Test) {
  const echo = await startEchoBackend(t)
  const proxy = await startProxy(t, { backends: [echo.address], status_path: PATH, drain_delay_ms: 600_000 })
  const ask = async (method: string) => {
    const client = await RawPeer.connect(proxy.address())
    client.write(`${method} ${PATH} HTTP/1.1\r\nHost: a\r\n\r\n`)
    await client.untilEnd()
    client.socket.end()
    return client.text
  }
  return { proxy, echo, ask }
}

t.test("a plain GET of status_path is answered with 200, and no backend is asked", async (t) => {
  const { proxy, echo, ask } = await start(t)
  const ended = nextEnd(proxy)
  const refused: unknown[] = []
  proxy.on("refuse", (session) => refused.push(session))
  const text = await ask("GET")
  t.match(text, /^HTTP\/1\.1 200 OK\r\nDate: .* GMT\r\n/)
  t.match(text, /\r\nContent-Length: 3\r\n/)
  t.match(text, /\r\nConnection: close\r\n\r\nok\n$/)
  t.match(await ended, { reason: "status_request", status: 200, path: PATH, backend: undefined })
  t.same(refused, [])
  t.equal(echo.peers.length, 0)
})

t.test("HEAD gets the same head without a body", async (t) => {
  const { ask } = await start(t)
  t.match(await ask("HEAD"), /^HTTP\/1\.1 200 OK\r\n.*Content-Length: 3\r\n.*\r\n\r\n$/s)
})

t.test("during the drain's delay it is 503, while upgrades are still served", async (t) => {
  const { proxy, ask } = await start(t)
  const closed = proxy.close()
  const text = await ask("GET")
  t.match(text, /^HTTP\/1\.1 503 Service Unavailable\r\n/)
  t.match(text, /\r\n\r\ndraining\n$/)
  const tunnel = await attempt(proxy.address())
  t.equal(tunnel.status, 101)
  await tunnel.close()
  await proxy.close(0)
  await closed
})

t.test("an upgrade at status_path goes to the backend", async (t) => {
  const { proxy, echo } = await start(t)
  const client = await RawPeer.connect(proxy.address())
  client.write(upgradeHead({}, `GET ${PATH} HTTP/1.1`))
  await client.untilText("\r\n\r\n")
  t.match(client.text, /^HTTP\/1\.1 101 /)
  t.equal(echo.peers.length, 1)
  client.socket.destroy()
})

t.test("without status_path a plain GET is refused as before", async (t) => {
  const echo = await startEchoBackend(t)
  const proxy = await startProxy(t, { backends: [echo.address] })
  const client = await RawPeer.connect(proxy.address())
  client.write(`GET ${PATH} HTTP/1.1\r\nHost: a\r\n\r\n`)
  await client.untilEnd()
  t.match(client.text, /^HTTP\/1\.1 400 /)
  client.socket.destroy()
})
