/**
 * A PROXY header may contain no address: LOCAL, UNKNOWN, or the client of a Unix socket. Then no proxy
 * vouches for the request after it, so its forwarding fields must not be believed although the peer is
 * trusted.
 */
import t from "tap"
import { head, upgradeHead } from "../support/http/heads.js"
import { answerUpgrade, startBackend } from "../support/peers/backend.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { nextEnd, nextRefusal, startProxy } from "../support/program/proxy.js"

const SIGNATURE = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1")
const block = (...bytes: number[]) => Buffer.concat([SIGNATURE, Buffer.from(bytes)])

const headers: readonly (readonly [title: string, header: string | Buffer])[] = [
  ["PROXY UNKNOWN", "PROXY UNKNOWN\r\n"],
  ["PROXY UNKNOWN with addresses", "PROXY UNKNOWN 127.0.0.1 127.0.0.1 1 2\r\n"],
  ["v2 LOCAL", block(0x20, 0x00, 0, 0)],
  ["v2 LOCAL with addresses", block(0x20, 0x11, 0, 12, 127, 0, 0, 1, 127, 0, 0, 1, 0, 1, 0, 2)],
  ["v2 of an unspecified family", block(0x21, 0x00, 0, 0)],
  ["v2 of a Unix socket", Buffer.concat([block(0x21, 0x31, 0, 216), Buffer.alloc(216)])],
]

const FORGED = {
  "X-Forwarded-For": "203.0.113.9",
  "X-Forwarded-Proto": "https",
  "X-Forwarded-Host": "bank.example",
  Forwarded: "for=203.0.113.9;proto=https",
}

for (const [title, header] of headers) {
  for (const forwarded of ["x-forwarded", "both"] as const) {
    t.test(`after ${title} the client is the proxy, with forwarded = ${forwarded}`, async (t) => {
      const backend = await startBackend(t, (peer) => void answerUpgrade(peer))
      const proxy = await startProxy(t, {
        backends: [backend.address],
        trusted_proxies: ["127.0.0.1"],
        accept_proxy_protocol: true,
        sticky_cookie: "rws",
        max_connections_per_ip: 1,
        forwarded,
      })
      const client = await RawPeer.connect(proxy.address())
      await client.write(header).write(upgradeHead(FORGED)).untilText("\r\n\r\n")
      t.match(client.text, /^HTTP\/1\.1 101 /)
      t.notMatch(client.text, /; Secure/)
      const { text, socket } = await backend.peer()
      t.notMatch(text, /203\.0\.113\.9|https|bank/)
      t.match(text, /^X-Forwarded-For: 127\.0\.0\.1\r$/m)

      const refusal = nextRefusal(proxy)
      const second = await RawPeer.connect(proxy.address())
      await second
        .write(header)
        .write(upgradeHead({ "X-Forwarded-For": "203.0.113.10" }))
        .untilEnd()
      t.equal((await refusal).reason, "too_many_from_client", "it counts against the proxy's address")

      const end = nextEnd(proxy)
      client.socket.end()
      socket.end()
      t.match(await end, { client: /^127\.0\.0\.1:\d+$/, via: undefined })
    })
  }
}

t.test("a proxy's own health check (LOCAL) gets an HTTP response", async (t) => {
  const proxy = await startProxy(t, {
    backends: ["127.0.0.1:9"],
    trusted_proxies: ["127.0.0.1"],
    accept_proxy_protocol: true,
  })
  const client = await RawPeer.connect(proxy.address())
  await client
    .write(block(0x20, 0x00, 0, 0))
    .write(head("OPTIONS / HTTP/1.0", {}))
    .untilEnd()
  t.match(client.text, /^HTTP\/1\.1 400 [\s\S]*only HTTP\/1\.1 can be upgraded/)
})
