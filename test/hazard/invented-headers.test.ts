/** Backends get the client's request with a short list of rewrites. rws adds nothing else. */
import t from "tap"
import { head, KEY, upgradeHead } from "../support/http/heads.js"
import { startBackend } from "../support/peers/backend.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { startProxy } from "../support/program/proxy.js"

interface Rewrite {
  readonly title: string
  readonly host_header?: string
  readonly sent: string
  /** With BACKEND in place of the backend's address. */
  readonly arrives: string
}

/** A head of these lines, sent as they are. */
function lines(...all: string[]): string {
  return `${all.join("\r\n")}\r\n\r\n`
}

const NEEDED = [`Sec-WebSocket-Key: ${KEY}`, "Sec-WebSocket-Version: 13"]
const PLAIN = lines(
  "GET /chat HTTP/1.1",
  "Host: BACKEND",
  "Upgrade: websocket",
  "Connection: Upgrade",
  ...NEEDED,
)

const rewrites: readonly Rewrite[] = [
  { title: "nothing but Host changes in a plain request", sent: upgradeHead(), arrives: PLAIN },
  {
    title: "nothing changes with host_header = client",
    host_header: "client",
    sent: upgradeHead(),
    arrives: upgradeHead(),
  },
  {
    title: "Host is replaced by a configured literal",
    host_header: "inner.example:81",
    sent: upgradeHead(),
    arrives: PLAIN.replace("BACKEND", "inner.example:81"),
  },
  {
    title: "order, case, white space, duplicates and empty values of fields are kept",
    sent: lines(
      "GET /a/b?c=d&e=%20f HTTP/1.1",
      "x-first:1",
      "hOST:   chat.example",
      "COOKIE: a=1",
      "Cookie:\tb=2; c=3  ",
      "X-Empty:",
      "X-Blank:   ",
      "Connection: Upgrade",
      "x-first: 2",
      "Upgrade: websocket",
      ...NEEDED,
      "Sec-WebSocket-Protocol: chat, superchat",
      "Sec-WebSocket-Protocol: third",
      "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
      "X-Bytes: \xe9\xff\x80",
      "!#$%&'*+-.^_`|~09: token",
    ),
    arrives: lines(
      "GET /a/b?c=d&e=%20f HTTP/1.1",
      "x-first:1",
      "Host: BACKEND",
      "COOKIE: a=1",
      "Cookie:\tb=2; c=3  ",
      "X-Empty:",
      "X-Blank:   ",
      "Connection: Upgrade",
      "x-first: 2",
      "Upgrade: websocket",
      ...NEEDED,
      "Sec-WebSocket-Protocol: chat, superchat",
      "Sec-WebSocket-Protocol: third",
      "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
      "X-Bytes: \xe9\xff\x80",
      "!#$%&'*+-.^_`|~09: token",
    ),
  },
  {
    title: "hop-by-hop fields and fields named in Connection are removed",
    sent: lines(
      "GET /chat HTTP/1.1",
      "Host: chat.example",
      "Upgrade: h2c, WebSocket",
      "Keep-Alive: timeout=5",
      "Proxy-Connection: keep-alive",
      "TE: trailers",
      "X-Hop: 1",
      "Connection: keep-alive, UPGRADE, x-hop",
      "X-Stays: 1",
      "x-hop: 2",
      "Connection: X-Other",
      "X-Other: 3",
      "Upgrade: foo/2",
      ...NEEDED,
    ),
    arrives: lines(
      "GET /chat HTTP/1.1",
      "Host: BACKEND",
      "Upgrade: websocket",
      "Connection: Upgrade",
      "X-Stays: 1",
      ...NEEDED,
    ),
  },
  {
    title: "no forwarding fields are added, and those of a proxy in front are kept",
    sent: upgradeHead({ "X-Forwarded-For": "192.0.2.1", Forwarded: "for=192.0.2.1", Via: "1.1 front" }),
    arrives: PLAIN.replace(
      /\r\n$/,
      "X-Forwarded-For: 192.0.2.1\r\nForwarded: for=192.0.2.1\r\nVia: 1.1 front\r\n\r\n",
    ),
  },
  {
    title: "a target in absolute form becomes a path",
    sent: upgradeHead({}, "GET ws://chat.example/chat?x=http://y HTTP/1.1"),
    arrives: PLAIN.replace("/chat", "/chat?x=http://y"),
  },
  {
    title: "a target in absolute form without a path becomes /",
    sent: upgradeHead({}, "GET http://chat.example HTTP/1.1"),
    arrives: PLAIN.replace("/chat", "/"),
  },
  {
    title: "unusual but valid paths are kept",
    sent: upgradeHead({}, 'GET //a/../b/./%2e%2E/;x=1,2?q=/..//&a[]="{}|\\^` HTTP/1.1'),
    arrives: PLAIN.replace("/chat", () => '//a/../b/./%2e%2E/;x=1,2?q=/..//&a[]="{}|\\^`'),
  },
  {
    title: "Content-Length: 0 is kept",
    sent: upgradeHead({ "Content-Length": "0" }),
    arrives: PLAIN.replace(/\r\n$/, "Content-Length: 0\r\n\r\n"),
  },
]

for (const { title, host_header, sent, arrives } of rewrites) {
  t.test(title, async (t) => {
    const backend = await startBackend(t)
    const proxy = await startProxy(t, {
      backends: [backend.address],
      forwarded: "off",
      trace_headers: false,
      ...(host_header !== undefined && { host_header }),
    })
    const client = await RawPeer.connect(proxy.address())
    client.write(sent)
    const peer = await backend.peer()
    await peer.untilText("\r\n\r\n")
    t.equal(peer.text, arrives.replace("BACKEND", backend.address))
  })
}

t.test("a hundred fields arrive as they were sent", async (t) => {
  const backend = await startBackend(t)
  const proxy = await startProxy(t, {
    backends: [backend.address],
    host_header: "client",
    forwarded: "off",
    trace_headers: false,
  })
  const many = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`X-${i}`, "v".repeat(i % 40)]))
  const sent = upgradeHead(many)
  const client = await RawPeer.connect(proxy.address())
  client.write(sent)
  const peer = await backend.peer()
  await peer.untilText("\r\n\r\n")
  t.equal(peer.text, sent)
})

t.test("a request with X-Host and other similar fields gets no second Host", async (t) => {
  const backend = await startBackend(t)
  const proxy = await startProxy(t, { backends: [backend.address] })
  const client = await RawPeer.connect(proxy.address())
  client.write(
    head("GET /chat HTTP/1.1", {
      "X-Host": "a",
      host: "chat.example",
      Upgrade: "websocket",
      connection: "upgrade",
      "Sec-WebSocket-Key": KEY,
      "Sec-WebSocket-Version": "13",
    }),
  )
  const peer = await backend.peer()
  await peer.untilText("\r\n\r\n")
  t.same(peer.text.match(/^host:.*$/gim), [`Host: ${backend.address}`])
})
