/** A client behind a trusted proxy that sends only invalid requests is limited by its own address. */
import t from "tap"
import { type Fields, upgradeHead } from "../support/http/heads.js"
import { answerUpgrade, startBackend } from "../support/peers/backend.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { nextRefusal, openTunnel, startProxy } from "../support/program/proxy.js"

const invalid: readonly { title: string; line?: string; fields: Fields; reason: string }[] = [
  { title: "without a key", fields: { "Sec-WebSocket-Key": undefined }, reason: "bad_key" },
  { title: "without an upgrade", fields: { Upgrade: undefined }, reason: "bad_upgrade" },
  { title: "without a host", fields: { Host: undefined }, reason: "bad_host" },
  { title: "with a body", fields: { "Content-Length": "1" }, reason: "has_body" },
  { title: "with another version", fields: { "Sec-WebSocket-Version": "8" }, reason: "bad_ws_version" },
  { title: "with another method", line: "POST /chat HTTP/1.1", fields: {}, reason: "bad_method" },
  { title: "with a fragment", line: "GET /chat#a HTTP/1.1", fields: {}, reason: "bad_target" },
]

for (const { title, line, fields, reason } of invalid) {
  t.test(`requests ${title} count against their client, which is logged`, async (t) => {
    const backend = await startBackend(t, (peer) => void answerUpgrade(peer))
    const proxy = await startProxy(t, {
      backends: [backend.address],
      trusted_proxies: ["127.0.0.1"],
      rate_per_ip: "2/h",
    })
    const refusalOf = async (address: string) => {
      const refusal = nextRefusal(proxy)
      const client = await RawPeer.connect(proxy.address())
      await client.write(upgradeHead({ ...fields, "X-Forwarded-For": address }, line)).untilEnd()
      return refusal
    }
    const client = "203.0.113.9"
    for (const expected of [reason, reason, "rate_limited"]) {
      t.match(await refusalOf(client), { reason: expected, client, via: /^127\.0\.0\.1:/ })
    }
    t.match(await refusalOf("203.0.113.10"), { reason }, "other clients are not limited")
    const other = await openTunnel(proxy, upgradeHead({ "X-Forwarded-For": "203.0.113.11" }))
    t.match(other.text, /^HTTP\/1\.1 101 /)
  })
}
