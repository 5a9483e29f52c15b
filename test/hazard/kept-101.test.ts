/** The client gets the backend's own 101: a made-up one would lose what was negotiated. */
import t from "tap"
import { answerHead, type Fields, KEY } from "../support/http/heads.js"
import { answerUpgrade, startBackend } from "../support/peers/backend.js"
import { untilBeyondHead } from "../support/peers/open-pair.js"
import { openTunnel, startProxy } from "../support/program/proxy.js"

const kept: readonly { title: string; fields: Fields }[] = [
  { title: "the subprotocol", fields: { "Sec-WebSocket-Protocol": "superchat" } },
  {
    title: "the extensions",
    fields: {
      "Sec-WebSocket-Extensions": "permessage-deflate; server_no_context_takeover; client_max_window_bits=15",
    },
  },
  {
    title: "cookies",
    fields: { "Set-Cookie": ["a=1; Path=/; HttpOnly", "b=2; Expires=Wed, 21 Oct 2026 07:28:00 GMT"] },
  },
  {
    title: "the backend's own fields",
    fields: {
      Server: "odd/1",
      Date: "Wed, 21 Oct 2026 07:28:00 GMT",
      "x-lower": "1",
      "X-Empty": "",
      "X-Bytes": "\xe9\xff",
    },
  },
]

for (const { title, fields } of kept) {
  t.test(`${title}: kept as the backend wrote it`, async (t) => {
    const backend = await startBackend(t, (peer) => void answerUpgrade(peer, fields))
    const proxy = await startProxy(t, { backends: [backend.address] })
    const client = await openTunnel(proxy)
    t.equal(client.text, answerHead(fields))
  })
}

t.test("the backend's reason phrase, order, case and white space are kept", async (t) => {
  const accept = /Accept: (.*)\r/.exec(answerHead())?.[1]
  const answer =
    "HTTP/1.1 101 Web Socket Protocol Handshake\r\n" +
    `sec-websocket-accept:${accept}\t\r\nX:  1 \r\nConnection: Upgrade\r\nY: 2\r\nUpgrade: websocket\r\nx:3\r\n\r\n`
  const backend = await startBackend(t, (peer) => {
    void peer.untilText("\r\n\r\n").then(() => peer.write(answer))
  })
  const proxy = await startProxy(t, { backends: [backend.address] })
  const client = await openTunnel(proxy)
  t.equal(client.text, answer)
})

t.test("a 101 without a reason phrase is kept", async (t) => {
  for (const statusLine of ["HTTP/1.1 101 ", "HTTP/1.1 101"]) {
    const backend = await startBackend(t, (peer) => {
      void peer.untilText("\r\n\r\n").then(() => peer.write(`${answerHead({}, KEY, statusLine)}frame`))
    })
    const proxy = await startProxy(t, { backends: [backend.address] })
    const client = await openTunnel(proxy)
    t.equal((await untilBeyondHead(client, 5)).toString(), "frame")
    // RFC 9112 §4: the space after the status is required, though many servers omit it.
    t.equal(client.text, `${answerHead({}, KEY, "HTTP/1.1 101 ")}frame`)
  }
})

t.test("only hop-by-hop fields of a 101 are rewritten or removed", async (t) => {
  const backend = await startBackend(t, (peer) => {
    void answerUpgrade(peer, {
      Upgrade: "WebSocket",
      Connection: "keep-alive, upgrade, X-Hop",
      "Keep-Alive": "timeout=5",
      "X-Hop": "1",
      "X-Stays": "1",
    })
  })
  const proxy = await startProxy(t, { backends: [backend.address] })
  const client = await openTunnel(proxy)
  t.equal(client.text, answerHead({ "X-Stays": "1" }))
})

t.test("frames in one write with the 101 follow it immediately", async (t) => {
  for (const length of [1, 100, 20_000, 65_000, 300_000]) {
    const backend = await startBackend(t, (peer) => void answerUpgrade(peer, {}, "f".repeat(length)))
    const proxy = await startProxy(t, { backends: [backend.address] })
    const client = await openTunnel(proxy)
    t.equal((await untilBeyondHead(client, length)).toString(), "f".repeat(length))
  }
})
