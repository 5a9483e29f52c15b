import t from "tap"
import { checkConfig } from "../../lib/config/load.js"
import { TrustedProxies } from "../../lib/forwarding/trusted-proxies.js"
import { ClientLimits } from "../../lib/limits/client-limits.js"
import { socketPlaces } from "../../lib/limits/descriptors.js"
import { Places } from "../../lib/limits/places.js"
import { Router } from "../../lib/routing/router.js"
import type { Destination } from "../../lib/session/route-target.js"
import { runSession } from "../../lib/session/session.js"
import { FakeClock } from "../support/clock/fake-clock.js"
import { checkRefusal } from "../support/http/answer.js"
import { upgradeHead } from "../support/http/heads.js"
import { startEchoBackend } from "../support/peers/backend.js"
import { acceptPeer } from "../support/peers/peers.js"
import { HandSweep } from "../support/program/hand-sweep.js"
import { nextEnd, openTunnel, startProxy } from "../support/program/proxy.js"

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
    reason: "client_fin",
    who: "client",
    path: "/chat",
    backend: backend.address,
    bytesFromClient: 5,
    bytesFromBackend: 5,
  })
})

t.test("an error that no stage has foreseen is a 500, told once, and does not get out", async (t) => {
  const { peer, far } = await acceptPeer(t)
  const bug = new Error("a bug")
  class BrokenRouter extends Router<Destination> {
    override route(): never {
      throw bug
    }
  }
  const { ws_proxy } = checkConfig({
    ws_proxy: [{ bind: "127.0.0.1:0", backends: ["127.0.0.1:1"] }],
  })
  const [config] = ws_proxy
  if (config === undefined) throw new Error("no listener")
  const ends: { reason: string | undefined; status: number | undefined; cause: unknown }[] = []
  const session = runSession(peer, {
    name: "broken",
    config,
    router: new BrokenRouter([], undefined),
    trusted: new TrustedProxies([]),
    limits: new ClientLimits({ ...config, rate_per_ip: undefined }, new FakeClock()),
    connections: new Places(0),
    pending: new Places(0),
    sockets: socketPlaces(),
    localPort: () => 0,
    tunnel: { idleTimeoutMs: 0, halfCloseTimeoutMs: 0, keepaliveMs: 0, sweep: new HandSweep() },
    onOpen: () => t.fail("no tunnel"),
    onEnd: ({ reason, status }, { cause }) => ends.push({ reason, status, cause }),
    onDialFailure: () => t.fail("no dial"),
  })
  far.write(upgradeHead())
  const { body } = await checkRefusal(t, far, "500 Internal Server Error", /^internal error/)
  t.notMatch(body, "a bug", "what went wrong is nobody else's business")
  await session
  t.equal(peer.socket.destroyed, true, "the socket is gone when the session is over")
  t.same(ends, [{ reason: "internal_error", status: 500, cause: bug }])
})
