/** A backend may send interim responses such as 100 or 103 before its final one (RFC 9110 §15.2). */
import { setImmediate as nextTurn } from "node:timers/promises"
import t from "tap"
import { answerHead, upgradeHead } from "../support/http/heads.js"
import { answerUpgrade, startBackend } from "../support/peers/backend.js"
import { dribble } from "../support/peers/dribble.js"
import { pour } from "../support/peers/pour.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { startClockedProxy } from "../support/program/clocked-proxy.js"
import { startProxy } from "../support/program/proxy.js"

const TIMEOUT_MS = 10_000

const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n"
const HINTS = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nLink: </b.js>; rel=preload\r\n\r\n"
const LONG = `HTTP/1.1 102 Processing\r\nX: ${"x".repeat(15_000)}\r\n\r\n`

const cases: readonly { title: string; interim: string }[] = [
  { title: "100", interim: CONTINUE },
  { title: "103", interim: HINTS },
  { title: "100 and 103", interim: CONTINUE + HINTS },
  { title: "100 twenty times", interim: CONTINUE.repeat(20) },
  { title: "a long interim response", interim: LONG },
  { title: "199, an unknown status", interim: "HTTP/1.1 199 What\r\nContent-Length: 5\r\n\r\n" },
]

for (const { title, interim } of cases) {
  for (const isJoined of [true, false]) {
    t.test(`${title} ${isJoined ? "in one write with" : "before"} the 101: skipped`, async (t) => {
      const backend = await startBackend(t)
      const proxy = await startProxy(t, { backends: [backend.address] })
      const client = await RawPeer.connect(proxy.address())
      client.write(upgradeHead())
      const peer = await backend.peer()
      await peer.untilText("\r\n\r\n")
      if (isJoined) peer.write(`${interim}${answerHead()}frames`)
      else {
        await dribble(peer, interim, 97)
        await answerUpgrade(peer, {}, "frames")
      }
      await client.untilText("frames")
      t.equal(client.text, `${answerHead()}frames`)
    })
  }
}

t.test("an interim response before a refusal is skipped too", async (t) => {
  const refusal = "HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno!"
  const backend = await startBackend(t, (peer) => {
    void peer.untilText("\r\n\r\n").then(() => peer.write(HINTS + refusal))
  })
  const proxy = await startProxy(t, { backends: [backend.address] })
  const client = await RawPeer.connect(proxy.address())
  client.write(upgradeHead())
  await client.untilEnd()
  t.equal(client.text, refusal)
})

t.test(
  "endless interim responses are refused once all heads together exceed the limit for one response",
  async (t) => {
    const backend = await startBackend(t)
    const proxy = await startProxy(t, { backends: [backend.address] })
    const client = await RawPeer.connect(proxy.address())
    client.write(upgradeHead())
    pour(await backend.peer(), Buffer.from(HINTS.repeat(500)))
    await client.untilEnd()
    t.match(client.text, /^HTTP\/1\.1 502 /)
  },
)

t.test("interim responses that trickle in do not extend the deadline of the handshake", async (t) => {
  const backend = await startBackend(t)
  const proxy = await startClockedProxy(t, { backends: [backend.address], handshake_timeout_ms: TIMEOUT_MS })
  const client = await RawPeer.connect(proxy.address())
  client.write(upgradeHead())
  const peer = await backend.peer()
  await peer.untilText("\r\n\r\n")
  for (let sent = 0; sent < 10; sent++) {
    t.equal(client.ended, false)
    peer.write(CONTINUE)
    // Over loopback it arrives within a few turns.
    for (let turn = 0; turn < 10; turn++) await nextTurn()
    proxy.clock.advance(TIMEOUT_MS / 10)
  }
  await client.untilEnd()
  t.match(client.text, /^HTTP\/1\.1 504 /)
})
