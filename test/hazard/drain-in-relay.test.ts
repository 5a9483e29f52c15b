/** A close that truncates a relayed response must not look like the end of that response. */
import t from "tap"
import { upgradeHead } from "../support/http/heads.js"
import { startBackend } from "../support/peers/backend.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { nextEnd, startProxy } from "../support/program/proxy.js"

for (const framing of ["Content-Length: 500\r\n", ""]) {
  t.test(`a close during a relay with ${framing.trim() || "no length"} resets the client`, async (t) => {
    const backend = await startBackend(t, (peer) => {
      void peer
        .untilText("\r\n\r\n")
        .then(() => peer.write(`HTTP/1.1 403 Forbidden\r\n${framing}\r\npart of a body`))
    })
    const proxy = await startProxy(t, { backends: [backend.address] })
    const client = await RawPeer.connect(proxy.address())
    client.write(upgradeHead())
    await client.untilText("part of a body")
    const end = nextEnd(proxy)
    await Promise.all([proxy.close(0), client.untilClosed()])
    t.equal(client.error?.code, "ECONNRESET")
    t.notOk(client.ended)
    t.match(await end, { reason: "drain_timeout" })
  })
}
