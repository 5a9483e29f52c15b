/** While rws waits for refused clients to close, they hold no places. */
import t from "tap"
import { upgradeHead } from "../support/http/heads.js"
import { startEchoBackend } from "../support/peers/backend.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { openTunnel, startProxy } from "../support/program/proxy.js"

const REFUSED = 20

for (const limit of ["max_connections", "max_connections_per_ip", "max_pending"]) {
  t.test(`a refused client that does not close holds no place of ${limit}`, async (t) => {
    const backend = await startEchoBackend(t)
    const proxy = await startProxy(t, { backends: [backend.address], [limit]: 1 })
    const refused: RawPeer[] = []
    for (let i = 0; i < REFUSED; i++) {
      const client = await RawPeer.connect(proxy.address())
      refused.push(await client.write("\0").untilEnd())
      t.match(client.text, /^HTTP\/1\.1 400 /)
    }
    t.match((await openTunnel(proxy)).text, /^HTTP\/1\.1 101 /)
    t.ok(
      refused.every(({ closed }) => !closed),
      "they are still connected",
    )
  })
}

t.test("one client address over its limit does not fill the listener", async (t) => {
  const backend = await startEchoBackend(t)
  const proxy = await startProxy(t, {
    backends: [backend.address],
    max_connections: 2,
    max_connections_per_ip: 1,
    trusted_proxies: ["127.0.0.1"],
  })
  const from = (ip: string) => openTunnel(proxy, upgradeHead({ "X-Forwarded-For": ip }))
  t.match((await from("192.0.2.1")).text, /^HTTP\/1\.1 101 /)
  for (let i = 0; i < REFUSED; i++) t.match((await from("192.0.2.1")).text, /^HTTP\/1\.1 429 /)
  t.match((await from("192.0.2.2")).text, /^HTTP\/1\.1 101 /)
})
