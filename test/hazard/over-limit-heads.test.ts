/** A head that is too long is refused, and never truncated and forwarded. */
import t from "tap"
import { answerHead, upgradeHead } from "../support/http/heads.js"
import { answerUpgrade, startBackend } from "../support/peers/backend.js"
import { dribble } from "../support/peers/dribble.js"
import { untilBeyondHead } from "../support/peers/open-pair.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { nextRefusal, openTunnel, startProxy } from "../support/program/proxy.js"

const MAX_RESPONSE_BYTES = 16 * 1024

/** A head of exactly this many bytes. */
function padded(bare: (pad: string) => string, length: number): string {
  return bare("x".repeat(length - bare("").length))
}
const request = (pad: string) => upgradeHead({ "X-Pad": pad })
const response = (pad: string) => answerHead({ "X-Pad": pad })

for (const limit of [undefined, 300, 1024, 65_536]) {
  const max = limit ?? 8192
  const settings = limit === undefined ? {} : { max_head_bytes: limit }
  for (const pieces of [max, 100]) {
    t.test(
      `with a limit of ${max}, a head of ${max} bytes in pieces of ${pieces} passes whole`,
      async (t) => {
        const backend = await startBackend(t)
        const proxy = await startProxy(t, {
          backends: [backend.address],
          host_header: "client",
          forwarded: "off",
          trace_headers: false,
          ...settings,
        })
        const client = await RawPeer.connect(proxy.address())
        const sent = padded(request, max)
        await dribble(client, sent, pieces)
        const peer = await backend.peer()
        await answerUpgrade(peer)
        t.equal(peer.text, sent)
      },
    )

    t.test(`with a limit of ${max}, a head of one byte more in pieces of ${pieces} is refused`, async (t) => {
      const backend = await startBackend(t, (peer) => void answerUpgrade(peer))
      const proxy = await startProxy(t, { backends: [backend.address], ...settings })
      const refusal = nextRefusal(proxy)
      const client = await RawPeer.connect(proxy.address())
      await dribble(client, padded(request, max + 1), pieces)
      await client.untilEnd()
      t.match(client.text, /^HTTP\/1\.1 431 /)
      t.match(await refusal, { reason: "head_too_large" })
      await openTunnel(proxy)
      t.equal(backend.peers.length, 1, "nothing of the long head has been forwarded")
    })
  }
}

t.test("the limit applies to the head, not to the frames after it", async (t) => {
  const backend = await startBackend(t, (peer) => void answerUpgrade(peer))
  const proxy = await startProxy(t, { backends: [backend.address], max_head_bytes: 300 })
  const client = await RawPeer.connect(proxy.address())
  const early = "e".repeat(5000)
  client.write(padded(request, 300) + early)
  t.equal((await untilBeyondHead(await backend.peer(), early.length)).toString(), early)
})

t.test("any unfinished head over the limit is refused", async (t) => {
  const backend = await startBackend(t)
  for (const unfinished of ["GET /", "GET /chat HTTP/1.1\r\nX: ", "GET /chat HTTP/1.1\r\n", "a"]) {
    const proxy = await startProxy(t, { backends: [backend.address], max_head_bytes: 300 })
    const client = await RawPeer.connect(proxy.address())
    const line = unfinished.endsWith("\n") ? "X: y\r\n" : "y"
    client.write(unfinished + line.repeat(300))
    await client.untilEnd()
    t.match(client.text, /^HTTP\/1\.1 431 /)
  }
  t.equal(backend.peers.length, 0)
})

for (const pieces of [MAX_RESPONSE_BYTES, 500]) {
  t.test(`a response head of ${MAX_RESPONSE_BYTES} bytes in pieces of ${pieces} passes whole`, async (t) => {
    const backend = await startBackend(t)
    const proxy = await startProxy(t, { backends: [backend.address] })
    const opening = openTunnel(proxy)
    const peer = await backend.peer()
    await peer.untilText("\r\n\r\n")
    const sent = padded(response, MAX_RESPONSE_BYTES)
    await dribble(peer, `${sent}frames`, pieces)
    const client = await opening
    t.equal((await untilBeyondHead(client, 6)).toString(), "frames")
    t.equal(client.text, `${sent}frames`)
  })

  t.test(`a response head of one byte more in pieces of ${pieces} is a 502`, async (t) => {
    const backend = await startBackend(t)
    const proxy = await startProxy(t, { backends: [backend.address] })
    const refusal = nextRefusal(proxy)
    const client = await RawPeer.connect(proxy.address())
    client.write(upgradeHead())
    const peer = await backend.peer()
    await peer.untilText("\r\n\r\n")
    peer.write(padded(response, MAX_RESPONSE_BYTES + 1))
    await client.untilEnd()
    t.match(client.text, /^HTTP\/1\.1 502 /)
    t.match(await refusal, { reason: "response_too_large" })
  })
}
