import t from "tap"
import { upgradeHead } from "../support/http/heads.js"
import { answerUpgrade, startBackend } from "../support/peers/backend.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { nextRefusal, openTunnel, startProxy } from "../support/program/proxy.js"

const escaping = [
  "/chat/../admin",
  "/chat/..",
  "/./chat",
  "/chat/%2e%2E/admin",
  "/chat/.%2e/admin",
  "/chat/..;x=1/admin",
  "/chat/..%3bx/admin",
  "/chat/..%2fadmin",
  "/chat%2F..%2Fadmin",
  "/chat/..\\admin",
  "/chat%5c..%5cadmin",
]

for (const target of escaping) {
  for (const [how, settings] of [
    ["a route by path", (address: string) => ({ route: [{ path: "/chat", backends: [address] }] })],
    ["a base path", (address: string) => ({ backends: [`ws://${address}/base`] })],
  ] as const) {
    t.test(`${target} can't escape ${how}: it is a 400, and nothing reaches a backend`, async (t) => {
      const backend = await startBackend(t)
      const proxy = await startProxy(t, settings(backend.address))
      const refusal = nextRefusal(proxy)
      const client = await RawPeer.connect(proxy.address())
      await client.write(upgradeHead({}, `GET ${target}?a=/../b HTTP/1.1`)).untilEnd()
      t.match(client.text, /^HTTP\/1\.1 400 [\s\S]*dot segments\n$/)
      t.equal((await refusal).reason, "bad_target")
      t.equal(backend.peers.length, 0)
    })
  }
}

const passing: readonly [target: string, arrives: string | undefined][] = [
  ["/chat/a%2Fb", "/a%2Fb"],
  ["/%63hat/x?/../", "/x?/../"],
  ["/chat//x", "/x"],
  ["/chat/%252e%252e/x", "/%252e%252e/x"],
  ["/chat/...", "/..."],
  ["/chat/.well-known", "/.well-known"],
  ["/chat%2Fx", undefined],
  ["//chat/x", undefined],
  ["/CHAT/x", undefined],
  ["/chat;x/y", undefined],
  ["/", undefined],
]

for (const [target, arrives] of passing) {
  t.test(`${target} ${arrives === undefined ? "has no route" : `arrives as ${arrives}`}`, async (t) => {
    const backend = await startBackend(t, (peer) => void answerUpgrade(peer))
    const proxy = await startProxy(t, {
      route: [{ path: "/chat", strip_prefix: true, backends: [backend.address] }],
    })
    const client = await openTunnel(proxy, upgradeHead({}, `GET ${target} HTTP/1.1`))
    t.equal(client.text.slice(9, 12), arrives === undefined ? "404" : "101")
    t.equal(backend.peers[0]?.text.split(" ")[1], arrives)
  })
}
