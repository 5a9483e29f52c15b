/** Section 5 of the design, row by row, as a raw TCP client sees it. */
import { once } from "node:events"
import t, { type Test } from "tap"
import { checkRefusal, parseAnswer, valuesIn } from "../support/http/answer.js"
import { answerHead, type Fields, KEY, upgradeHead } from "../support/http/heads.js"
import {
  answerUpgrade,
  deadAddress,
  type RawBackend,
  startBackend,
  startEchoBackend,
} from "../support/peers/backend.js"
import { dribble } from "../support/peers/dribble.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { startUnansweringPort } from "../support/peers/unanswering-port.js"
import { hangingName } from "../support/pool/names.js"
import {
  nextEnd,
  nextRefusal,
  openTunnel,
  type Settings,
  SHORT_MS,
  startProxy,
} from "../support/program/proxy.js"

interface RefusedRequest {
  readonly title: string
  readonly request: string | Buffer
  readonly status: string
  readonly reason: string
  readonly says: RegExp
}

const BAD = "400 Bad Request"

/** The first bytes of a TLS 1.3 ClientHello: no blank line follows. */
const TLS_HELLO = Buffer.from("16030100f8010000f40303", "hex")

function bad(title: string, request: string | Buffer, reason: string, says = /./): RefusedRequest {
  return { title, request, status: BAD, reason, says }
}

/** A request that is valid but for one field. */
function badField(title: string, fields: Fields, reason: string, says = /./): RefusedRequest {
  return bad(title, upgradeHead(fields), reason, says)
}

function withLine(line: string): string {
  return upgradeHead().replace("Upgrade: websocket\r\n", (found) => found + line)
}

const refused: readonly RefusedRequest[] = [
  bad("a line of text", "hello there\r\n\r\n", "bad_request", /request line/),
  bad("one word", "hello\r\n", "bad_request", /request line/),
  bad("a TLS hello, before any blank line", TLS_HELLO, "bad_request"),
  bad("a blank line before the request line", `\r\n${upgradeHead()}`, "bad_request"),
  bad("a NUL at once", "\0", "bad_request"),
  bad(
    "an HTTP/2 preface",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "bad_request",
    /offer only http\/1\.1 in ALPN/i,
  ),
  bad("a bare LF after the request line", upgradeHead().replace("\r\n", "\n"), "bad_request", /LF/),
  bad("bare LFs only", upgradeHead().replaceAll("\r\n", "\n"), "bad_request", /LF/),
  bad("a bare LF as the blank line", upgradeHead().replace(/\r\n$/, "\n"), "bad_request", /LF/),
  bad("a bare CR within a value", withLine("X: a\rb\r\n"), "bad_request", /CR/),
  bad("an obs-fold", withLine("X: a\r\n b\r\n"), "bad_request", /fold/),
  bad("an obs-fold of a tab", withLine("X: a\r\n\tb\r\n"), "bad_request", /fold/),
  bad("white space before the first field", withLine("").replace("\r\n", "\r\n "), "bad_request", /fold/),
  bad("a NUL in a value", withLine("X: a\0b\r\n"), "bad_request", /0x00/),
  bad("a NUL in a name", withLine("X\0: a\r\n"), "bad_request", /0x00/),
  bad("a DEL in a value", withLine("X: a\x7fb\r\n"), "bad_request", /0x7f/),
  bad("a space before a colon", withLine("X : a\r\n"), "bad_request"),
  bad("a tab before a colon", withLine("X\t: a\r\n"), "bad_request"),
  bad("a field without a colon", withLine("nonsense\r\n"), "bad_request"),
  bad("a field without a name", withLine(": a\r\n"), "bad_request"),
  bad("a field name with a space in it", withLine("X Y: a\r\n"), "bad_request"),
  bad("a field name with a byte beyond ASCII", withLine("X\xe9: a\r\n"), "bad_request"),
  bad("two spaces in the request line", upgradeHead({}, "GET  /chat HTTP/1.1"), "bad_request"),
  bad("a space in the target", upgradeHead({}, "GET /ch at HTTP/1.1"), "bad_request"),
  bad("no target", upgradeHead({}, "GET HTTP/1.1"), "bad_request"),
  bad("no version", upgradeHead({}, "GET /chat"), "bad_request"),
  bad("a version in lower case", upgradeHead({}, "GET /chat http/1.1"), "bad_request"),
  bad("# in the target", upgradeHead({}, "GET /chat#top HTTP/1.1"), "bad_target", /#/),
  bad("a target that is no path", upgradeHead({}, "GET chat HTTP/1.1"), "bad_target|bad_request"),
  bad("a target of an asterisk", upgradeHead({}, "GET * HTTP/1.1"), "bad_target"),
  bad(
    "an absolute target with another host",
    upgradeHead({}, "GET http://other.example/chat HTTP/1.1"),
    "bad_target",
    /Host/,
  ),

  badField("no Host", { Host: undefined }, "bad_host", /Host/),
  badField("two Hosts", { Host: ["chat.example", "other.example"] }, "bad_host", /Host/),
  badField("the same Host twice", { Host: ["chat.example", "chat.example"] }, "bad_host", /Host/),
  badField("an empty Host", { Host: "" }, "bad_host", /Host/),
  ...[
    "a b",
    "chat.example/path",
    "user@chat.example",
    "chat.example:port",
    "chat.example:65536",
    "[::1",
    "a, b",
  ].map((host) => badField(`a Host of "${host}"`, { Host: host }, "bad_host", /Host/)),
  ...["HTTP/1.0", "HTTP/1.2", "HTTP/0.9", "HTTP/2.0", "HTTP/3.0"].map((version): RefusedRequest => {
    // llhttp accepts only some versions, so a syntax error and an unsupported version are both correct.
    return bad(version, upgradeHead({}, `GET /chat ${version}`), "bad_version|bad_request")
  }),
  ...["POST", "HEAD", "OPTIONS", "PUT", "DELETE", "CONNECT"].map((method) =>
    bad(`${method}`, upgradeHead({}, `${method} /chat HTTP/1.1`), "bad_method|bad_request"),
  ),
  ...["get", "GETT", "BREW"].map((method) =>
    bad(`the method ${method}`, upgradeHead({}, `${method} /chat HTTP/1.1`), "bad_method|bad_request"),
  ),
  badField("a Content-Length above 0", { "Content-Length": "5" }, "has_body", /body/),
  badField("a Content-Length that is no number", { "Content-Length": "x" }, "has_body|bad_request"),
  badField("a negative Content-Length", { "Content-Length": "-0" }, "has_body|bad_request"),
  badField("two Content-Lengths, one above 0", { "Content-Length": ["0", "5"] }, "has_body|bad_request"),
  badField("Transfer-Encoding", { "Transfer-Encoding": "chunked" }, "has_body", /body/),
  badField("Transfer-Encoding: identity", { "Transfer-Encoding": "identity" }, "has_body|bad_request"),
  badField(
    "Transfer-Encoding and Content-Length: 0",
    { "Transfer-Encoding": "chunked", "Content-Length": "0" },
    "has_body|bad_request",
  ),

  badField("no Upgrade", { Upgrade: undefined }, "bad_upgrade", /Upgrade/),
  badField("an Upgrade to something else", { Upgrade: "h2c" }, "bad_upgrade", /Upgrade/),
  badField("an Upgrade that only begins so", { Upgrade: "websockets" }, "bad_upgrade", /Upgrade/),
  badField("no Connection", { Connection: undefined }, "bad_upgrade", /Connection/),
  badField("a Connection without upgrade", { Connection: "keep-alive" }, "bad_upgrade", /Connection/),
  badField(
    "a Connection that only contains the word",
    { Connection: "no-upgrade" },
    "bad_upgrade",
    /Connection/,
  ),
  badField("a Connection that names Host", { Connection: "Upgrade, Host" }, "bad_upgrade", /Connection/),
  badField(
    "a Connection that lists Sec-WebSocket-Key",
    { Connection: ["Upgrade", "Sec-WebSocket-Key"] },
    "bad_upgrade",
    /Connection/,
  ),

  badField("no Sec-WebSocket-Key", { "Sec-WebSocket-Key": undefined }, "bad_key", /Sec-WebSocket-Key/),
  badField("two Sec-WebSocket-Keys", { "Sec-WebSocket-Key": [KEY, KEY] }, "bad_key", /Sec-WebSocket-Key/),
  ...[
    "",
    "dGhlIHNhbXBsZSBub25j",
    "dGhlIHNhbXBsZSBub25jZWU=",
    "dGhlIHNhbXBsZSBub25jZQ",
    "dGhlIHNhbXBsZSBub25-ZQ==",
    "????",
  ].map((key) =>
    badField(`a Sec-WebSocket-Key of "${key}"`, { "Sec-WebSocket-Key": key }, "bad_key", /Sec-WebSocket-Key/),
  ),
]

for (const { title, request, status, reason, says } of refused) {
  t.test(`${title} is a ${status}, and reaches no backend`, async (t) => {
    const backend = await startEchoBackend(t)
    const proxy = await startProxy(t, { backends: [backend.address] })
    const refusal = nextRefusal(proxy)
    const client = await RawPeer.connect(proxy.address())
    client.write(request)
    await checkRefusal(t, client, status, says)
    t.match((await refusal).reason, new RegExp(`^(${reason})$`))
    await checkUnasked(t, backend, () => openTunnel(proxy))
  })
}

const versions: readonly (string | readonly string[] | undefined)[] = [
  undefined,
  "12",
  "8",
  "014",
  "013",
  "13.0",
  "14",
  "",
  "13, 8",
  ["13", "13"],
]

for (const version of versions) {
  t.test(
    `Sec-WebSocket-Version ${JSON.stringify(version)} is a 426 with the supported version`,
    async (t) => {
      const backend = await startEchoBackend(t)
      const proxy = await startProxy(t, { backends: [backend.address] })
      const refusal = nextRefusal(proxy)
      const client = await RawPeer.connect(proxy.address())
      client.write(upgradeHead({ "Sec-WebSocket-Version": version }))
      const answer = await checkRefusal(t, client, "426 Upgrade Required", /Sec-WebSocket-Version/)
      t.same(valuesIn(answer, "sec-websocket-version"), ["13"])
      t.same(valuesIn(answer, "upgrade"), ["websocket"])
      t.match(await refusal, { reason: "bad_ws_version", status: 426, who: "client" })
      await checkUnasked(t, backend, () => openTunnel(proxy))
    },
  )
}

const accepted: readonly { title: string; request: string }[] = [
  { title: "tokens in any case", request: upgradeHead({ Upgrade: "WebSocket", Connection: "uPGRADE" }) },
  {
    title: "tokens in lists",
    request: upgradeHead({ Upgrade: "h2c, websocket", Connection: "keep-alive, Upgrade" }),
  },
  {
    title: "tokens in several fields",
    request: upgradeHead({ Upgrade: ["h2c", "websocket"], Connection: ["keep-alive", "Upgrade"] }),
  },
  {
    title: "empty list members",
    request: upgradeHead({ Upgrade: ",, websocket ,", Connection: ", ,Upgrade" }),
  },
  { title: "tabs around tokens", request: upgradeHead({ Connection: "\tkeep-alive\t,\tUpgrade\t" }) },
  {
    title: "field names in any case",
    request: upgradeHead().replace(/^[\w-]+(?=:)/gm, (name) => name.toUpperCase()),
  },
  { title: "Content-Length: 0", request: upgradeHead({ "Content-Length": "0" }) },
  { title: "a Host with a port", request: upgradeHead({ Host: "chat.example:8080" }) },
  { title: "a Host of an IPv6 address", request: upgradeHead({ Host: "[::1]:8080" }) },
  { title: "an absolute target", request: upgradeHead({}, "GET http://chat.example/chat HTTP/1.1") },
  { title: "bytes beyond ASCII in a value", request: upgradeHead({ "X-Name": "\xe9\xff" }) },
]

for (const { title, request } of accepted) {
  t.test(`${title}: accepted`, async (t) => {
    const backend = await startEchoBackend(t)
    const proxy = await startProxy(t, { backends: [backend.address] })
    const client = await openTunnel(proxy, request)
    t.match(client.text, /^HTTP\/1\.1 101 /)
  })
}

/** Nothing is dialled before a valid request: the next handshake is the backend's first connection. */
async function checkUnasked(t: Test, backend: RawBackend, open: () => Promise<RawPeer>): Promise<void> {
  t.equal(backend.peers.length, 0)
  await open()
  t.equal(backend.peers.length, 1, "only the later request has reached the backend")
}

for (const leave of ["end", "resetAndDestroy"] as const) {
  t.test(`a client that aborts (${leave}) before its head is complete gets no response`, async (t) => {
    const backend = await startEchoBackend(t)
    const proxy = await startProxy(t, { backends: [backend.address] })
    const end = nextEnd(proxy)
    const client = await RawPeer.connect(proxy.address())
    await dribble(client, upgradeHead().slice(0, -1), 40)
    client.socket[leave]()
    t.match(await end, { reason: "client_aborted_in_head", who: "client", status: undefined })
    await client.untilClosed()
    t.equal(client.text, "")
    await checkUnasked(t, backend, () => openTunnel(proxy))
  })
}

t.test("a head longer than max_head_bytes is a 431 before it is complete", async (t) => {
  const backend = await startEchoBackend(t)
  const proxy = await startProxy(t, { backends: [backend.address], max_head_bytes: 300 })
  const refusal = nextRefusal(proxy)
  const client = await RawPeer.connect(proxy.address())
  client.write(`GET /chat HTTP/1.1\r\nX: ${"x".repeat(400)}`)
  await checkRefusal(t, client, "431 Request Header Fields Too Large", /300/)
  t.match(await refusal, { reason: "head_too_large", status: 431 })
  await checkUnasked(t, backend, () => openTunnel(proxy))
})

t.test("a head that is not complete within read_timeout_ms is a 408", async (t) => {
  const backend = await startEchoBackend(t)
  const proxy = await startProxy(t, { backends: [backend.address], read_timeout_ms: SHORT_MS })
  const refusal = nextRefusal(proxy)
  const client = await RawPeer.connect(proxy.address())
  client.write(upgradeHead().slice(0, -2))
  await checkRefusal(t, client, "408 Request Timeout", /in time/)
  t.match(await refusal, { reason: "head_timeout", status: 408 })
  await checkUnasked(t, backend, () => openTunnel(proxy))
})

t.test("a client that sends nothing gets a 408", async (t) => {
  const backend = await startEchoBackend(t)
  const proxy = await startProxy(t, { backends: [backend.address], read_timeout_ms: SHORT_MS })
  const client = await RawPeer.connect(proxy.address())
  await checkRefusal(t, client, "408 Request Timeout", /in time/)
  t.equal(backend.peers.length, 0)
})

t.test("bytes that drip in do not extend the deadline of the head", async (t) => {
  const backend = await startEchoBackend(t)
  const proxy = await startProxy(t, { backends: [backend.address], read_timeout_ms: SHORT_MS })
  const client = await RawPeer.connect(proxy.address())
  client.write("GET /chat HTTP/1.1\r\nX: ")
  const drip = setInterval(() => client.write("x"), SHORT_MS / 10)
  t.teardown(() => clearInterval(drip))
  await client.untilEnd()
  clearInterval(drip)
  await checkRefusal(t, client, "408 Request Timeout", /in time/)
})

t.test("a client over max_connections gets a 503 with Retry-After", async (t) => {
  const backend = await startEchoBackend(t)
  const proxy = await startProxy(t, { backends: [backend.address], max_connections: 1 })
  await openTunnel(proxy)
  const refusal = nextRefusal(proxy)
  const client = await RawPeer.connect(proxy.address())
  client.write(upgradeHead())
  const answer = await checkRefusal(t, client, "503 Service Unavailable", /too many connections/)
  t.match(valuesIn(answer, "retry-after").join(), /^[1-9]\d*$/)
  t.match(await refusal, { reason: "too_many_connections", status: 503 })
  t.equal(backend.peers.length, 1)
})

interface BackendFault {
  readonly title: string
  readonly status: string
  readonly reason: string
  readonly says: RegExp
  readonly settings?: Omit<Settings, "backends">
  /** How the backend responds to the request. */
  readonly answers: (peer: RawPeer) => void
}

const NO_GATEWAY = "502 Bad Gateway"
const TOO_LATE = "504 Gateway Timeout"
const HURRY = { handshake_timeout_ms: SHORT_MS }

function wrong101(title: string, fields: Fields, statusLine?: string): BackendFault {
  return {
    title,
    status: NO_GATEWAY,
    reason: "bad_101",
    says: /101/,
    answers: (peer) => peer.write(answerHead(fields, KEY, statusLine)),
  }
}

function notHttp(title: string, answer: string, reason = "bad_response"): BackendFault {
  return { title, status: NO_GATEWAY, reason, says: /response/, answers: (peer) => peer.write(answer) }
}

const faults: readonly BackendFault[] = [
  {
    title: "closes without a response",
    status: NO_GATEWAY,
    reason: "no_response",
    says: /closed/,
    answers: (peer) => peer.socket.end(),
  },
  {
    title: "resets without a response",
    status: NO_GATEWAY,
    reason: "no_response",
    says: /closed/,
    answers: (peer) => peer.socket.resetAndDestroy(),
  },
  {
    title: "closes within its response",
    status: NO_GATEWAY,
    reason: "no_response",
    says: /closed/,
    answers: (peer) => peer.socket.end(answerHead().slice(0, -2)),
  },
  {
    title: "closes after an interim response",
    status: NO_GATEWAY,
    reason: "no_response",
    says: /closed/,
    answers: (peer) => peer.socket.end("HTTP/1.1 100 Continue\r\n\r\n"),
  },
  notHttp("answers a line of text", "220 mail.example ESMTP\r\n"),
  notHttp("answers bytes that are no text", "\x00\x01\x02"),
  notHttp("answers with a request", "GET / HTTP/1.1\r\n\r\n"),
  notHttp("answers with bare LFs", answerHead().replaceAll("\r\n", "\n")),
  notHttp("answers with an obs-fold", answerHead({ X: "a\r\n b" })),
  notHttp("answers with a NUL in a value", answerHead({ X: "a\0b" })),
  notHttp("answers with a space before a colon", answerHead({ "X ": "a" })),
  notHttp("answers a status below 100", "HTTP/1.1 099 What\r\nContent-Length: 0\r\n\r\n"),
  notHttp("answers a status of two digits", answerHead({}, KEY, "HTTP/1.1 10 What")),
  notHttp(
    "sends a 403 with two Content-Lengths",
    "HTTP/1.1 403 F\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
  ),
  notHttp("answers an endless field", `HTTP/1.1 101 S\r\nX: ${"x".repeat(20_000)}`, "response_too_large"),
  {
    title: "sends nothing",
    status: TOO_LATE,
    reason: "handshake_timeout",
    says: /in time/,
    settings: HURRY,
    answers: () => {},
  },
  {
    title: "does not complete its response",
    status: TOO_LATE,
    reason: "handshake_timeout",
    says: /in time/,
    settings: HURRY,
    answers: (peer) => peer.write(answerHead().slice(0, -2)),
  },
  {
    title: "sends only 100 Continue",
    status: TOO_LATE,
    reason: "handshake_timeout",
    says: /in time/,
    settings: HURRY,
    answers: (peer) => peer.write("HTTP/1.1 100 Continue\r\n\r\n"),
  },
  wrong101("answers a 101 without Upgrade", { Upgrade: undefined }),
  wrong101("answers a 101 to another protocol", { Upgrade: "h2c" }),
  wrong101("answers a 101 without Connection", { Connection: undefined }),
  wrong101("answers a 101 whose Connection does not list upgrade", { Connection: "keep-alive" }),
  wrong101("answers a 101 without Sec-WebSocket-Accept", { "Sec-WebSocket-Accept": undefined }),
  wrong101("answers a 101 to another key", { "Sec-WebSocket-Accept": "AAAAAAAAAAAAAAAAAAAAAAAAAAA=" }),
  wrong101("answers a 101 with two Sec-WebSocket-Accepts", {
    "Sec-WebSocket-Accept": ["s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="],
  }),
  wrong101("answers a 101 in HTTP/1.0", {}, "HTTP/1.0 101 Switching Protocols"),
]

for (const { title, status, reason, says, settings, answers } of faults) {
  t.test(`a backend that ${title} is a ${status}, and its connection is closed`, async (t) => {
    const backend = await startBackend(t, (peer) => {
      peer.untilText("\r\n\r\n").then(answers, () => {})
    })
    const proxy = await startProxy(t, { backends: [backend.address], ...settings })
    const refusal = nextRefusal(proxy)
    const client = await RawPeer.connect(proxy.address())
    client.write(upgradeHead())
    await checkRefusal(t, client, status, says)
    t.match(await refusal, { reason, who: "backend", status: Number(status.slice(0, 3)) })
    const peer = await backend.peer()
    peer.socket.end()
    await peer.untilClosed()
  })
}

t.test("a response that drips in does not extend the deadline of the handshake", async (t) => {
  const backend = await startBackend(t)
  const proxy = await startProxy(t, { backends: [backend.address], ...HURRY })
  const client = await RawPeer.connect(proxy.address())
  client.write(upgradeHead())
  const peer = await backend.peer()
  peer.write("HTTP/1.1 101 Switching Protocols\r\nX: ")
  const drip = setInterval(() => peer.write("x"), SHORT_MS / 10)
  t.teardown(() => clearInterval(drip))
  await checkRefusal(t, client, TOO_LATE, /in time/)
})

t.test("interim responses that drip in do not extend the deadline of the handshake", async (t) => {
  const backend = await startBackend(t)
  const proxy = await startProxy(t, { backends: [backend.address], ...HURRY })
  const client = await RawPeer.connect(proxy.address())
  client.write(upgradeHead())
  const peer = await backend.peer()
  const drip = setInterval(() => peer.write("HTTP/1.1 102 Processing\r\n\r\n"), SHORT_MS / 10)
  t.teardown(() => clearInterval(drip))
  await checkRefusal(t, client, TOO_LATE, /in time/)
})

t.test("the client gets a 502 when every backend refuses the connection", async (t) => {
  const proxy = await startProxy(t, { backends: [await deadAddress(), await deadAddress()] })
  const refusal = nextRefusal(proxy)
  const client = await RawPeer.connect(proxy.address())
  client.write(upgradeHead())
  await checkRefusal(t, client, NO_GATEWAY, /no backend could be reached/)
  t.match(await refusal, { reason: "backend_unreachable", who: "backend", status: 502 })
})

t.test("the client gets a 502 when the backend's name does not exist", async (t) => {
  const proxy = await startProxy(t, { backends: ["no-such-name.invalid:9000"] })
  const refusal = nextRefusal(proxy)
  const client = await RawPeer.connect(proxy.address())
  client.write(upgradeHead())
  await checkRefusal(t, client, NO_GATEWAY, /name could not be resolved/)
  t.match(await refusal, { reason: "resolve_failed", who: "proxy", status: 502 })
})

t.test("the client gets a 504 when the backend's name is not resolved in time", async (t) => {
  const backend = `${hangingName(t).name}:9000`
  const proxy = await startProxy(t, { backends: [backend], connect_timeout_ms: SHORT_MS })
  const refusal = nextRefusal(proxy)
  const client = await RawPeer.connect(proxy.address())
  client.write(upgradeHead())
  await checkRefusal(t, client, TOO_LATE, /name was not resolved in time/)
  t.match(await refusal, { reason: "resolve_timeout", who: "proxy", backend, status: 504 })
})

t.test("the client gets a 504 when the last backend does not accept in time", async (t) => {
  const silent = await startUnansweringPort(t)
  const backends = [await deadAddress(), silent]
  const proxy = await startProxy(t, { backends, connect_timeout_ms: SHORT_MS })
  const refusal = nextRefusal(proxy)
  const client = await RawPeer.connect(proxy.address())
  client.write(upgradeHead())
  await checkRefusal(t, client, TOO_LATE, /accepted/)
  t.match(await refusal, { reason: "connect_timeout", backend: silent, status: 504 })
})

t.test("the client gets a 502 when the last backend refuses, although another one timed out", async (t) => {
  const dead = await deadAddress()
  const backends = [await startUnansweringPort(t), dead]
  const proxy = await startProxy(t, { backends, connect_timeout_ms: SHORT_MS })
  const refusal = nextRefusal(proxy)
  const client = await RawPeer.connect(proxy.address())
  client.write(upgradeHead())
  await checkRefusal(t, client, NO_GATEWAY, /no backend could be reached/)
  t.match(await refusal, { reason: "backend_unreachable", backend: dead, status: 502 })
})

interface RelayedBody {
  readonly title: string
  readonly fields: Fields
  readonly body: string
  /** The body ends with the backend's FIN. */
  readonly untilClose?: boolean
}

const bodies: readonly RelayedBody[] = [
  { title: "with Content-Length", fields: { "Content-Length": "12" }, body: "go away\r\n\r\n!" },
  { title: "with an empty body", fields: { "Content-Length": "0" }, body: "" },
  {
    title: "in chunks",
    fields: { "Transfer-Encoding": "chunked", Trailer: "X-Sum" },
    body: "3\r\ngo \r\nA;why=because\r\naway\r\n\r\n!!\r\n0\r\nX-Sum: 1\r\n\r\n",
  },
  { title: "until close", fields: {}, body: "go away\r\n\r\n", untilClose: true },
  { title: "until close with an empty body", fields: {}, body: "", untilClose: true },
]

const statusLines = [
  "401 Unauthorized",
  "403 Forbidden",
  "404 Not Found",
  "302 Found",
  "503 Try Later",
  "200 OK",
  "599 ",
]

for (const statusLine of statusLines) {
  for (const { title, fields, body, untilClose = false } of bodies) {
    t.test(
      `a backend's ${statusLine} ${title} is relayed unchanged, and then both sides are closed`,
      async (t) => {
        const own = {
          Server: "odd: one",
          "Set-Cookie": ["a=1", "b=2"],
          Location: "https://chat.example/login",
        }
        const answer = parseAnswer(
          answerHead({ ...NO_UPGRADE, ...own, ...fields }, KEY, `HTTP/1.1 ${statusLine}`),
        )
        const backend = await startBackend(t, (peer) => {
          void peer.untilText("\r\n\r\n").then(() => {
            peer.write(`${[answer.statusLine, ...answer.fieldLines].join("\r\n")}\r\n\r\n${body}`)
            if (untilClose) peer.socket.end()
          })
        })
        const proxy = await startProxy(t, { backends: [backend.address] })
        const end = nextEnd(proxy)
        const client = await RawPeer.connect(proxy.address())
        client.write(upgradeHead())
        await client.untilEnd()
        const got = parseAnswer(client.text)
        t.equal(got.statusLine, answer.statusLine)
        t.same(got.fieldLines, [...answer.fieldLines, "Connection: close"])
        t.equal(got.body, body)
        client.socket.end()
        await client.untilClosed()
        t.equal(client.error, undefined, "the connection closes without a reset")
        t.match(await end, { reason: "refused_by_backend", status: Number(statusLine.slice(0, 3)) })
        const peer = await backend.peer()
        if (!untilClose) {
          await peer.untilEnd()
          peer.socket.end()
        }
        await peer.untilClosed()
      },
    )
  }
}

const NO_UPGRADE: Fields = { Upgrade: undefined, Connection: undefined, "Sec-WebSocket-Accept": undefined }

for (const statusLine of ["204 No Content", "304 Not Modified"]) {
  t.test(`a backend's ${statusLine} has no body, even if its fields announce one`, async (t) => {
    const backend = await startBackend(t, (peer) => {
      void peer.untilText("\r\n\r\n").then(() => peer.write(`HTTP/1.1 ${statusLine}\r\nETag: x\r\n\r\n`))
    })
    const proxy = await startProxy(t, { backends: [backend.address] })
    const client = await RawPeer.connect(proxy.address())
    client.write(upgradeHead())
    await client.untilEnd()
    t.equal(client.text, `HTTP/1.1 ${statusLine}\r\nETag: x\r\nConnection: close\r\n\r\n`)
  })
}

t.test("bytes after a relayed body do not reach the client", async (t) => {
  const backend = await startBackend(t, (peer) => {
    void peer
      .untilText("\r\n\r\n")
      .then(() => peer.write("HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nno!HTTP/1.1 200 OK\r\n\r\n"))
  })
  const proxy = await startProxy(t, { backends: [backend.address] })
  const client = await RawPeer.connect(proxy.address())
  client.write(upgradeHead())
  await client.untilEnd()
  t.equal(parseAnswer(client.text).body, "no!")
})

t.test("a relayed 426 keeps its Upgrade field", async (t) => {
  const answer =
    "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\nContent-Length: 0\r\n"
  const backend = await startBackend(t, (peer) => {
    void peer.untilText("\r\n\r\n").then(() => peer.write(`${answer}\r\n`))
  })
  const proxy = await startProxy(t, { backends: [backend.address] })
  const client = await RawPeer.connect(proxy.address())
  client.write(upgradeHead())
  await client.untilEnd()
  t.equal(client.text, `${answer}Connection: Upgrade\r\nConnection: close\r\n\r\n`)
})

for (const cut of ["end", "resetAndDestroy"] as const) {
  t.test(`a truncated relayed body (${cut}) ends in a reset, never in a clean close`, async (t) => {
    const backend = await startBackend(t, (peer) => {
      void peer
        .untilText("\r\n\r\n")
        .then(() => peer.write("HTTP/1.1 403 Forbidden\r\nContent-Length: 100\r\n\r\nnot yet"))
    })
    const proxy = await startProxy(t, { backends: [backend.address] })
    const end = nextEnd(proxy)
    const client = await RawPeer.connect(proxy.address())
    client.write(upgradeHead())
    await client.untilText("not yet")
    const peer = await backend.peer()
    peer.socket[cut]()
    await client.untilClosed()
    t.equal(client.ended, false)
    t.equal(client.error?.code, "ECONNRESET")
    t.match(await end, { reason: "response_truncated", status: 403 })
  })
}

t.test("a relayed body that does not arrive in time ends in a reset", async (t) => {
  const backend = await startBackend(t, (peer) => {
    void peer
      .untilText("\r\n\r\n")
      .then(() => peer.write("HTTP/1.1 403 Forbidden\r\nContent-Length: 100\r\n\r\nnot yet"))
  })
  const proxy = await startProxy(t, { backends: [backend.address], ...HURRY })
  const end = nextEnd(proxy)
  const client = await RawPeer.connect(proxy.address())
  client.write(upgradeHead())
  await client.untilClosed()
  t.equal(client.error?.code, "ECONNRESET")
  t.match(await end, { reason: "response_truncated" })
})

t.test("a refusal reaches a client that is still sending", async (t) => {
  const backend = await startEchoBackend(t)
  const proxy = await startProxy(t, { backends: [backend.address] })
  const client = await RawPeer.connect(proxy.address())
  client.write(upgradeHead({ Host: undefined }))
  client.write(Buffer.alloc(16 * 1024 * 1024, "x"))
  client.socket.end()
  await once(client.socket, "finish")
  await checkRefusal(t, client, BAD, /Host/)
  await checkUnasked(t, backend, () => openTunnel(proxy))
})

t.test("a relayed refusal reaches a client that is still sending", async (t) => {
  const backend = await startBackend(t)
  const proxy = await startProxy(t, { backends: [backend.address] })
  const client = await RawPeer.connect(proxy.address())
  client.write(upgradeHead())
  client.write(Buffer.alloc(16 * 1024 * 1024, "x"))
  client.socket.end()
  const peer = await backend.peer()
  await peer.untilText("\r\n\r\n")
  peer.write("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
  await client.untilEnd()
  if (!client.socket.writableFinished) await once(client.socket, "finish")
  await client.untilClosed()
  t.match(client.text, /^HTTP\/1\.1 403 /)
  t.equal(client.error, undefined, "the connection closes without a reset")
  t.notMatch(peer.text, "xxxx", "nothing beyond the head has reached the backend")
})

t.test("after a 101 bytes flow in both directions", async (t) => {
  const backend = await startBackend(t)
  const proxy = await startProxy(t, { backends: [backend.address] })
  const opened = once(proxy, "open")
  const opening = openTunnel(proxy)
  await answerUpgrade(await backend.peer())
  const client = await opening
  t.equal(client.text, answerHead())
  t.match(await opened, [{ status: 101, path: "/chat", backend: backend.address }])
})
