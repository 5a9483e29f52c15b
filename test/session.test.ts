import t from "tap"
import { startEchoBackend } from "./support/backend.js"
import { nextEnd, openTunnel, startProxy } from "./support/proxy.js"

t.test("a session goes from the head through the 101 to a tunnel and ends once", async (t) => {
  const backend = await startEchoBackend(t)
  const proxy = await startProxy(t, { backends: [backend.address] })
  const end = nextEnd(proxy)
  const client = await openTunnel(proxy)
  t.match(client.text, /^HTTP\/1\.1 101 Switching Protocols\r\n/)
  const head = client.received.length
  client.write("hello")
  await client.untilBytes(head + 5)
  t.equal(client.text.slice(head), "hello")
  client.socket.end()
  await client.untilClosed()
  t.match(await end, {
    status: 101,
    reason: "client_closed",
    who: "client",
    path: "/chat",
    backend: backend.address,
    bytesFromClient: 5,
    bytesFromBackend: 5,
  })
})
