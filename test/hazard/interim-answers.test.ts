/** A backend may say 100 or 103 before its final answer (RFC 9110 §15.2). They are not that answer. */
import t from "tap"
import { answerHead, upgradeHead } from "../support/http/heads.js"
import { answerUpgrade, startBackend } from "../support/peers/backend.js"
import { dribble } from "../support/peers/dribble.js"
import { pour } from "../support/peers/pour.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { SHORT_MS, startProxy } from "../support/program/proxy.js"

const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n"
const HINTS = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nLink: </b.js>; rel=preload\r\n\r\n"
const LONG = `HTTP/1.1 102 Processing\r\nX: ${"x".repeat(15_000)}\r\n\r\n`

const cases: readonly { title: string; interim: string }[] = [
  { title: "100", interim: CONTINUE },
  { title: "103", interim: HINTS },
  { title: "100 and 103", interim: CONTINUE + HINTS },
  { title: "100 twenty times", interim: CONTINUE.repeat(20) },
  { title: "a long interim answer", interim: LONG },
  { title: "199, which nobody knows", interim: "HTTP/1.1 199 What\r\nContent-Length: 5\r\n\r\n" },
]

for (const { title, interim } of cases) {
  for (const glued of [true, false]) {
    t.test(`${title} ${glued ? "glued to" : "before"} the 101: skipped`, async (t) => {
      const backend = await startBackend(t)
      const proxy = await startProxy(t, { backends: [backend.address] })
      const client = await RawPeer.connect(proxy.address())
      client.write(upgradeHead())
      const peer = await backend.peer()
      await peer.untilText("\r\n\r\n")
      if (glued) peer.write(`${interim}${answerHead()}frames`)
      else {
        await dribble(peer, interim, 97)
        await answerUpgrade(peer, {}, "frames")
      }
      await client.untilText("frames")
      t.equal(client.text, `${answerHead()}frames`)
    })
  }
}

t.test("an interim answer before a refusal is skipped too", async (t) => {
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
  "interim answers without end are refused once they are longer together than one answer may be",
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

t.test("interim answers that trickle in do not outlive the deadline of the handshake", async (t) => {
  const backend = await startBackend(t)
  const proxy = await startProxy(t, { backends: [backend.address], handshake_timeout_ms: SHORT_MS })
  const client = await RawPeer.connect(proxy.address())
  client.write(upgradeHead())
  const peer = await backend.peer()
  const drip = setInterval(() => peer.write(CONTINUE), SHORT_MS / 10)
  t.teardown(() => clearInterval(drip))
  await client.untilEnd()
  t.match(client.text, /^HTTP\/1\.1 504 /)
})
