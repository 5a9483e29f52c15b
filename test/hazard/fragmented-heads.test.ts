/** Heads may be fragmented in any way: parsing must not depend on where a packet ends. */
import t from "tap"
import { answerHead, upgradeHead } from "../support/http/heads.js"
import { startBackend, startEchoBackend } from "../support/peers/backend.js"
import { dribble } from "../support/peers/dribble.js"
import { beyondHead, untilBeyondHead } from "../support/peers/open-pair.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { openTunnel, startProxy } from "../support/program/proxy.js"

const REQUEST = upgradeHead({ Cookie: "a=1; b=2" })
const ANSWER = answerHead({ "Sec-WebSocket-Protocol": "chat" })

t.test("a request head of one byte per packet reaches the backend whole", async (t) => {
  const backend = await startBackend(t)
  const proxy = await startProxy(t, {
    backends: [backend.address],
    host_header: "client",
    forwarded: "off",
    trace_headers: false,
  })
  const client = await RawPeer.connect(proxy.address())
  await dribble(client, `${REQUEST}early`)
  const peer = await backend.peer()
  await peer.untilText("\r\n\r\n")
  t.equal(peer.text, REQUEST)
  peer.write(answerHead())
  t.equal((await untilBeyondHead(peer, 5)).toString(), "early")
})

t.test("a 101 of one byte per packet reaches the client whole", async (t) => {
  const backend = await startBackend(t)
  const proxy = await startProxy(t, { backends: [backend.address] })
  const opening = openTunnel(proxy)
  await dribble(await backend.peer(), `${ANSWER}early`)
  const client = await opening
  await untilBeyondHead(client, 5)
  t.equal(client.text, `${ANSWER}early`)
})

t.test("a relayed refusal of one byte per packet reaches the client whole", async (t) => {
  const backend = await startBackend(t)
  const proxy = await startProxy(t, { backends: [backend.address] })
  const client = await RawPeer.connect(proxy.address())
  client.write(REQUEST)
  const chunked =
    "HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nno!\r\n0\r\n\r\n"
  await dribble(await backend.peer(), chunked)
  await client.untilEnd()
  t.equal(client.text, chunked)
})

t.test("a request head may be split at any byte", async (t) => {
  const backend = await startEchoBackend(t)
  const proxy = await startProxy(t, {
    backends: [backend.address],
    host_header: "client",
    forwarded: "off",
    trace_headers: false,
  })
  for (let at = 1; at < REQUEST.length; at++) {
    const client = await RawPeer.connect(proxy.address())
    await dribble(client, `${REQUEST}abc`, at)
    const echo = await untilBeyondHead(client, 3)
    const { text } = await backend.peer(at - 1)
    if (echo.toString() !== "abc" || text !== `${REQUEST}abc`) t.fail(`split after ${at}`, { echo, text })
    client.socket.destroy()
  }
  t.equal(backend.peers.length, REQUEST.length - 1)
})

t.test("a 101 and the frames after it may be split at any byte", async (t) => {
  const backend = await startBackend(t)
  const proxy = await startProxy(t, { backends: [backend.address] })
  const all = `${ANSWER}frame\r\n\r\nframe`
  for (let at = 1; at < all.length; at++) {
    const client = await RawPeer.connect(proxy.address())
    client.write(REQUEST)
    const peer = await backend.peer(at - 1)
    await peer.untilText("\r\n\r\n")
    await dribble(peer, all, at)
    await client.untilBytes(all.length)
    if (client.text !== all) t.fail(`split after ${at}`, { got: client.text })
    client.socket.destroy()
  }
  t.equal(backend.peers.length, all.length - 1)
})

t.test("CR and LF in packets of their own do not end a head early", async (t) => {
  const backend = await startEchoBackend(t)
  const proxy = await startProxy(t, { backends: [backend.address] })
  const client = await RawPeer.connect(proxy.address())
  for (const piece of REQUEST.split(/(?<=\r)|(?=\r)|(?<=\n)/)) await dribble(client, piece, piece.length)
  await client.untilText("\r\n\r\n")
  t.match(client.text, /^HTTP\/1\.1 101 /)
  t.equal(beyondHead(client).length, 0)
})
