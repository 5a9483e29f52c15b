/**
 * A client may send frames before it has the 101. Before the backend's 101 they must not reach it, since it
 * could read them as a request; after it, none of them may be missing.
 */
import { randomBytes } from "node:crypto"
import t from "tap"
import { upgradeHead } from "../support/http/heads.js"
import { answerUpgrade, startBackend } from "../support/peers/backend.js"
import { dribble } from "../support/peers/dribble.js"
import { beyondHead, openAnother, untilBeyondHead } from "../support/peers/open-pair.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { startProxy } from "../support/program/proxy.js"

const sizes = [1, 125, 8192, 65_535, 65_536, 65_537, 200_000, 4_000_000]

for (const size of sizes) {
  t.test(`${size} early bytes wait for the 101 and then arrive whole`, async (t) => {
    const backend = await startBackend(t)
    const proxy = await startProxy(t, { backends: [backend.address] })
    const early = randomBytes(size)
    const client = await RawPeer.connect(proxy.address())
    client.write(Buffer.concat([Buffer.from(upgradeHead()), early]))
    const peer = await backend.peer()
    await peer.untilText("\r\n\r\n")
    const other = await openAnother(proxy, backend)
    t.equal(
      beyondHead(peer).length,
      0,
      "nothing after the head has arrived, although another handshake has completed",
    )
    other.client.socket.destroy()
    await answerUpgrade(peer)
    t.ok((await untilBeyondHead(peer, size)).equals(early))
    client.write("late")
    t.equal((await untilBeyondHead(peer, size + 4)).toString("latin1", size), "late")
    peer.write("answer")
    t.equal((await untilBeyondHead(client, 6)).toString(), "answer")
  })
}

t.test("early bytes that are sent one by one after the head arrive in order", async (t) => {
  const backend = await startBackend(t)
  const proxy = await startProxy(t, { backends: [backend.address] })
  const client = await RawPeer.connect(proxy.address())
  client.write(upgradeHead())
  const peer = await backend.peer()
  await peer.untilText("\r\n\r\n")
  const early = randomBytes(300)
  await dribble(client, early)
  t.equal(beyondHead(peer).length, 0)
  await answerUpgrade(peer)
  t.ok((await untilBeyondHead(peer, early.length)).equals(early))
})

t.test("early bytes that look like a request reach the backend only after the 101", async (t) => {
  const backend = await startBackend(t)
  const proxy = await startProxy(t, { backends: [backend.address] })
  const second = upgradeHead({}, "GET /second HTTP/1.1")
  const client = await RawPeer.connect(proxy.address())
  client.write(upgradeHead() + second)
  const peer = await backend.peer()
  await answerUpgrade(peer)
  t.equal((await untilBeyondHead(peer, second.length)).toString(), second)
  t.equal(backend.peers.length, 1)
})
