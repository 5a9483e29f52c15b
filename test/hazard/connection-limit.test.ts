/** `max_connections` counts a client from accept until it has closed or has been refused. */
import { once } from "node:events"
import t from "tap"
import type { RunningProxy } from "../../lib/index.js"
import { upgradeHead } from "../support/http/heads.js"
import { startBackend, startEchoBackend } from "../support/peers/backend.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { nextRefusal, openTunnel, startProxy } from "../support/program/proxy.js"

const MAX = 2
const TRIES = 1000

/** Retries until there is a free place, since a client can't see when the proxy has noticed a close. */
async function openWhenFree(proxy: RunningProxy): Promise<RawPeer> {
  for (let i = 0; i < TRIES; i++) {
    const client = await openTunnel(proxy)
    if (client.text.startsWith("HTTP/1.1 101 ")) return client
    client.socket.destroy()
  }
  throw new Error("no slot has become free")
}

async function expectFull(t: { match(found: unknown, pattern: RegExp): boolean }, proxy: RunningProxy) {
  const refusal = nextRefusal(proxy)
  const client = await RawPeer.connect(proxy.address())
  await client.untilEnd()
  client.socket.end()
  await client.untilClosed()
  t.match(client.text, /^HTTP\/1\.1 503 /)
  t.match((await refusal).reason, /^too_many_connections$/)
}

interface Occupant {
  readonly title: string
  readonly sends: string
  readonly leaves: "end" | "destroy" | "resetAndDestroy"
}

const occupants: readonly Occupant[] = [
  { title: "have sent nothing", sends: "", leaves: "end" },
  { title: "have sent nothing and reset", sends: "", leaves: "resetAndDestroy" },
  { title: "have sent half a head", sends: "GET / HT", leaves: "destroy" },
  { title: "have a tunnel", sends: upgradeHead(), leaves: "end" },
  { title: "have a tunnel and reset", sends: upgradeHead(), leaves: "resetAndDestroy" },
]

for (const { title, sends, leaves } of occupants) {
  t.test(`clients that ${title} count until they close (${leaves})`, async (t) => {
    const backend = await startEchoBackend(t)
    const proxy = await startProxy(t, { backends: [backend.address], max_connections: MAX })
    const clients: RawPeer[] = []
    for (let i = 0; i < MAX; i++) {
      const client = await RawPeer.connect(proxy.address())
      clients.push(client.write(sends))
    }
    await expectFull(t, proxy)
    await expectFull(t, proxy)
    for (const { socket } of clients) socket[leaves]()
    await openWhenFree(proxy)
    await openWhenFree(proxy)
    await expectFull(t, proxy)
  })
}

t.test("a client that waits for its backend counts until it closes", async (t) => {
  const backend = await startBackend(t)
  const proxy = await startProxy(t, { backends: [backend.address], max_connections: 1 })
  const client = await RawPeer.connect(proxy.address())
  client.write(upgradeHead())
  await backend.peer()
  await expectFull(t, proxy)
  client.socket.destroy()
  for (let i = 0; i < TRIES; i++) {
    const next = await RawPeer.connect(proxy.address())
    next.write(upgradeHead())
    const refused = next.untilEnd().then(() => "refused")
    const asked = backend.peer(1).then(() => "asked")
    if ((await Promise.race([refused, asked])) === "asked") return
    next.socket.destroy()
  }
  t.fail("no place has become free")
})

t.test("refused clients hold no places", async (t) => {
  const backend = await startEchoBackend(t)
  const proxy = await startProxy(t, { backends: [backend.address], max_connections: 1 })
  const first = await openTunnel(proxy)
  const refused: RawPeer[] = []
  for (let i = 0; i < 20; i++) {
    const client = await RawPeer.connect(proxy.address())
    refused.push(await client.untilEnd())
  }
  first.socket.destroy()
  await openWhenFree(proxy)
  t.ok(
    refused.every(({ closed }) => !closed),
    "they are still connected but hold no place",
  )
})

t.test("each listener has its own count", async (t) => {
  const backend = await startEchoBackend(t)
  const one = await startProxy(t, { backends: [backend.address], max_connections: 1 })
  const other = await startProxy(t, { backends: [backend.address], max_connections: 1 })
  t.match((await openTunnel(one)).text, /^HTTP\/1\.1 101 /)
  t.match((await openTunnel(other)).text, /^HTTP\/1\.1 101 /)
})

t.test("max_connections = 0 is unlimited", async (t) => {
  const backend = await startEchoBackend(t)
  const proxy = await startProxy(t, { backends: [backend.address], max_connections: 0 })
  let opened = 0
  proxy.on("open", () => opened++)
  const clients = await Promise.all(Array.from({ length: 200 }, () => openTunnel(proxy)))
  t.equal(opened, 200)
  for (const { socket } of clients) socket.destroy()
  await once(proxy, "end")
})
