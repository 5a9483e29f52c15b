/** A field is split at its first colon only. */
import t from "tap"
import { upgradeHead } from "../support/http/heads.js"
import { answerUpgrade, startBackend } from "../support/peers/backend.js"
import { openTunnel, startProxy } from "../support/program/proxy.js"

const values = [
  "https://app.example:8443",
  "a:b:c",
  ":",
  "::",
  ": leading",
  "trailing:",
  "2001:db8::1",
  "12:34:56",
  "Basic dXNlcjpwYXNz: ",
  "X: Y: Z",
]

for (const value of values) {
  t.test(`"${value}" passes whole both ways`, async (t) => {
    const backend = await startBackend(t, (peer) => void answerUpgrade(peer, { "X-Answer": value }))
    const proxy = await startProxy(t, { backends: [backend.address] })
    const client = await openTunnel(proxy, upgradeHead({ Origin: value, Host: "chat.example:8080" }))
    const peer = await backend.peer()
    t.match(peer.text, `\r\nOrigin: ${value}\r\n`)
    t.match(client.text, `\r\nX-Answer: ${value}\r\n`)
  })
}

t.test("a Host with a port is forwarded with it", async (t) => {
  const backend = await startBackend(t, (peer) => void answerUpgrade(peer))
  const proxy = await startProxy(t, { backends: [backend.address], host_header: "client" })
  for (const host of ["chat.example:8080", "[2001:db8::1]:8080", "[::1]"]) {
    await openTunnel(proxy, upgradeHead({ Host: host }))
    t.match(backend.peers.at(-1)?.text, `\r\nHost: ${host}\r\n`)
  }
})
