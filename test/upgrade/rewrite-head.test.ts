import t from "tap"
import { FieldEdit } from "../../lib/http/field-writer.js"
import { parseRequestHead, parseResponseHead } from "../../lib/http/head.js"
import { acceptKey } from "../../lib/upgrade/accept-key.js"
import { rewriteRefusal, rewriteRequest, rewriteUpgradeResponse } from "../../lib/upgrade/rewrite-head.js"
import { toUpgradeRequest } from "../../lib/upgrade/upgrade-request.js"
import { FIELD_VCHAR, TOKEN } from "../support/http/ascii.js"
import { KEY } from "../support/http/heads.js"
import { between, oneOf, type Random, seededRandom, textOf } from "../support/project/random.js"

const HOST = "backend.example:9000"
const ACCEPT = acceptKey(KEY)

/** Joins lines to a head, blank line included. */
function wire(...lines: string[]): string {
  return `${lines.join("\r\n")}\r\n\r\n`
}

function request(text: string, host = HOST): string {
  const parsed = toUpgradeRequest(parseRequestHead(Buffer.from(text, "latin1")))
  return rewriteRequest(parsed, { host, target: parsed.target })
}

function answer(text: string): string {
  return rewriteUpgradeResponse(parseResponseHead(Buffer.from(text, "latin1")))
}

function refusal(text: string): string {
  return rewriteRefusal(parseResponseHead(Buffer.from(text, "latin1")))
}

interface Case {
  readonly title: string
  readonly from: readonly string[]
  readonly to: readonly string[]
}

const KEY_LINE = `Sec-WebSocket-Key: ${KEY}`
const VERSION_LINE = "Sec-WebSocket-Version: 13"
const REST = [KEY_LINE, VERSION_LINE]

const requests: Case[] = [
  {
    title: "a browser's upgrade keeps every field but Host, Connection and Upgrade, each in its place",
    from: [
      "GET /chat?room=1 HTTP/1.1",
      "Host: chat.example",
      "User-Agent: Mozilla/5.0 (X11; Linux x86_64)",
      "Accept: */*",
      VERSION_LINE,
      "Origin: https://chat.example:8443",
      "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
      KEY_LINE,
      "Connection: keep-alive, Upgrade",
      "Cookie: a=b; c=d",
      "Sec-WebSocket-Protocol: v2.chat, chat",
      "Upgrade: websocket",
    ],
    to: [
      "GET /chat?room=1 HTTP/1.1",
      `Host: ${HOST}`,
      "User-Agent: Mozilla/5.0 (X11; Linux x86_64)",
      "Accept: */*",
      VERSION_LINE,
      "Origin: https://chat.example:8443",
      "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
      KEY_LINE,
      "Connection: Upgrade",
      "Cookie: a=b; c=d",
      "Sec-WebSocket-Protocol: v2.chat, chat",
      "Upgrade: websocket",
    ],
  },
  {
    title: "white space, case, high bytes and colons of the client's fields stay unchanged",
    from: [
      "GET / HTTP/1.1",
      "hOST:\tchat.example ",
      "cONNECTION:upgrade",
      "UPGRADE:  WebSocket",
      "X-odd:\t \xe9\xff: a:b \t",
      "x-empty:",
      "X-Blank:  ",
      `sec-WEBSOCKET-key:${KEY}`,
      "Sec-WebSocket-Version:  13",
    ],
    to: [
      "GET / HTTP/1.1",
      `Host: ${HOST}`,
      "Connection: Upgrade",
      "Upgrade: websocket",
      "X-odd:\t \xe9\xff: a:b \t",
      "x-empty:",
      "X-Blank:  ",
      `sec-WEBSOCKET-key:${KEY}`,
      "Sec-WebSocket-Version:  13",
    ],
  },
  {
    title: "fields of the same name stay separate and in order",
    from: [
      "GET / HTTP/1.1",
      "Cookie: 1",
      "Host: a",
      "cookie: 2",
      "Connection: Upgrade",
      "Upgrade: websocket",
      ...REST,
      "Cookie: 1",
    ],
    to: [
      "GET / HTTP/1.1",
      "Cookie: 1",
      `Host: ${HOST}`,
      "cookie: 2",
      "Connection: Upgrade",
      "Upgrade: websocket",
      ...REST,
      "Cookie: 1",
    ],
  },
  {
    title: "several Connection and Upgrade fields become one each, in place of the first",
    from: [
      "GET / HTTP/1.1",
      "Upgrade: h2c",
      "A: 1",
      "Connection: keep-alive",
      "Host: a",
      "Connection: Upgrade",
      "Upgrade: websocket",
      ...REST,
    ],
    to: ["GET / HTTP/1.1", "Upgrade: websocket", "A: 1", "Connection: Upgrade", `Host: ${HOST}`, ...REST],
  },
  {
    title: "hop-by-hop fields are dropped",
    from: [
      "GET / HTTP/1.1",
      "Host: a",
      "Keep-Alive: timeout=5",
      "Connection: Upgrade",
      "Proxy-Connection: keep-alive",
      "Upgrade: websocket",
      "TE: trailers",
      "te: gzip",
      ...REST,
    ],
    to: ["GET / HTTP/1.1", `Host: ${HOST}`, "Connection: Upgrade", "Upgrade: websocket", ...REST],
  },
  {
    title: "fields named in any Connection field are dropped, in any case",
    from: [
      "GET / HTTP/1.1",
      "X-Hop: 1",
      "Host: a",
      "Connection: Upgrade, X-HOP,constructor",
      "x-hop: 2",
      "X-Hop-2: stays",
      "Upgrade: websocket",
      "Other: 3",
      "connection: other",
      "constructor: 4",
      ...REST,
    ],
    to: [
      "GET / HTTP/1.1",
      `Host: ${HOST}`,
      "Connection: Upgrade",
      "X-Hop-2: stays",
      "Upgrade: websocket",
      ...REST,
    ],
  },
  {
    title: "Connection cannot drop the new Connection and Upgrade",
    from: ["GET / HTTP/1.1", "Host: a", "Connection: connection, upgrade", "Upgrade: websocket", ...REST],
    to: ["GET / HTTP/1.1", `Host: ${HOST}`, "Connection: Upgrade", "Upgrade: websocket", ...REST],
  },
  {
    title: "names of JavaScript object members are ordinary field names",
    from: [
      "GET / HTTP/1.1",
      "Host: a",
      "constructor: 1",
      "__proto__: 2",
      "Connection: Upgrade",
      "Upgrade: websocket",
      ...REST,
    ],
    to: [
      "GET / HTTP/1.1",
      `Host: ${HOST}`,
      "constructor: 1",
      "__proto__: 2",
      "Connection: Upgrade",
      "Upgrade: websocket",
      ...REST,
    ],
  },
  {
    title: "a target in absolute-form is forwarded in origin-form",
    from: ["GET ws://a/chat?x HTTP/1.1", "Host: a", "Connection: Upgrade", "Upgrade: websocket", ...REST],
    to: ["GET /chat?x HTTP/1.1", `Host: ${HOST}`, "Connection: Upgrade", "Upgrade: websocket", ...REST],
  },
]

const answers: Case[] = [
  {
    title: "subprotocol, extensions, cookies and the backend's own fields are kept in a 101",
    from: [
      "HTTP/1.1 101 Switching Protocols",
      "Server: chat/1.0",
      "upgrade: WebSocket",
      "Set-Cookie: a=b; Path=/",
      "connection: upgrade",
      `SEC-websocket-accept:  ${ACCEPT}`,
      "Set-Cookie: c=d; HttpOnly",
      "Sec-WebSocket-Protocol: v2.chat",
      "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover",
      "Set-Cookie: a=b; Path=/",
      "X-odd: \xe9:\t",
    ],
    to: [
      "HTTP/1.1 101 Switching Protocols",
      "Server: chat/1.0",
      "Upgrade: websocket",
      "Set-Cookie: a=b; Path=/",
      "Connection: Upgrade",
      `SEC-websocket-accept:  ${ACCEPT}`,
      "Set-Cookie: c=d; HttpOnly",
      "Sec-WebSocket-Protocol: v2.chat",
      "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover",
      "Set-Cookie: a=b; Path=/",
      "X-odd: \xe9:\t",
    ],
  },
  {
    title: "hop-by-hop fields and Content-Length are dropped from a 101",
    from: [
      "HTTP/1.1 101 Switching",
      "Keep-Alive: timeout=5",
      "Upgrade: websocket",
      "Content-Length: 0",
      "Connection: keep-alive, Upgrade, X-Hop",
      "X-Hop: 1",
      "Proxy-Connection: keep-alive",
      `Sec-WebSocket-Accept: ${ACCEPT}`,
    ],
    to: [
      "HTTP/1.1 101 Switching",
      "Upgrade: websocket",
      "Connection: Upgrade",
      `Sec-WebSocket-Accept: ${ACCEPT}`,
    ],
  },
  {
    title: "Transfer-Encoding is dropped from a 101",
    from: [
      "HTTP/1.1 101 Switching",
      "Upgrade: websocket",
      "Transfer-Encoding: chunked",
      "Connection: Upgrade",
      `Sec-WebSocket-Accept: ${ACCEPT}`,
    ],
    to: [
      "HTTP/1.1 101 Switching",
      "Upgrade: websocket",
      "Connection: Upgrade",
      `Sec-WebSocket-Accept: ${ACCEPT}`,
    ],
  },
  {
    title: "a 101 without a phrase keeps the space that RFC 9112 §4 requires",
    from: ["HTTP/1.1 101", "Upgrade: websocket", "Connection: Upgrade", `Sec-WebSocket-Accept: ${ACCEPT}`],
    to: ["HTTP/1.1 101 ", "Upgrade: websocket", "Connection: Upgrade", `Sec-WebSocket-Accept: ${ACCEPT}`],
  },
]

const refusals: Case[] = [
  {
    title: "a refusal keeps its fields, with Connection: close in place of Connection",
    from: [
      "HTTP/1.1 401 Unauthorized",
      "WWW-Authenticate: Basic realm=a",
      "Connection: keep-alive",
      "Content-Length: 5",
      "Set-Cookie: a",
      "Set-Cookie: b",
    ],
    to: [
      "HTTP/1.1 401 Unauthorized",
      "WWW-Authenticate: Basic realm=a",
      "Connection: close",
      "Content-Length: 5",
      "Set-Cookie: a",
      "Set-Cookie: b",
    ],
  },
  {
    title: "a refusal without Connection gets Connection: close at the end",
    from: ["HTTP/1.1 302 Found", "Location: https://a.example/", "Content-Length: 0"],
    to: ["HTTP/1.1 302 Found", "Location: https://a.example/", "Content-Length: 0", "Connection: close"],
  },
  {
    title: "a refusal keeps its chunked framing, since its body is relayed unchanged",
    from: ["HTTP/1.1 403 Forbidden", "Transfer-Encoding: chunked", "Trailer: Expires", "Connection: close"],
    to: ["HTTP/1.1 403 Forbidden", "Transfer-Encoding: chunked", "Trailer: Expires", "Connection: close"],
  },
  {
    title: "a refusal keeps its framing even if Connection names it",
    from: ["HTTP/1.1 403 Forbidden", "Connection: content-length, transfer-encoding", "Content-Length: 5"],
    to: ["HTTP/1.1 403 Forbidden", "Connection: close", "Content-Length: 5"],
  },
  {
    title: "hop-by-hop fields are dropped from a refusal",
    from: [
      "HTTP/1.1 503 Service Unavailable",
      "Keep-Alive: timeout=5",
      "Connection: keep-alive, X-Hop",
      "X-Hop: 1",
      "Proxy-Connection: keep-alive",
      "Upgrade: h2c",
      "Retry-After: 1",
      "connection: close",
    ],
    to: ["HTTP/1.1 503 Service Unavailable", "Connection: close", "Retry-After: 1"],
  },
  {
    title: "a 426 keeps its Upgrade although Connection names it",
    from: [
      "HTTP/1.1 426 Upgrade Required",
      "Upgrade: websocket",
      "Connection: Upgrade",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Version: 8, 7",
    ],
    to: [
      "HTTP/1.1 426 Upgrade Required",
      "Upgrade: websocket",
      "Connection: Upgrade",
      "Connection: close",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Version: 8, 7",
    ],
  },
  {
    title: "an HTTP/1.0 response is relayed as HTTP/1.1, with its Latin-1 phrase",
    from: ["HTTP/1.0 404 Pas trouv\xe9", "Content-Type: text/plain"],
    to: ["HTTP/1.1 404 Pas trouv\xe9", "Content-Type: text/plain", "Connection: close"],
  },
]

for (const [forward, cases] of [
  [request, requests],
  [answer, answers],
  [refusal, refusals],
] as const) {
  for (const { title, from, to } of cases) {
    t.test(title, async (t) => {
      t.equal(forward(wire(...from)), wire(...to))
    })
  }
}

for (const host of ["chat.example", "[::1]:9000", "localhost"]) {
  t.test(`the backend's Host is ${host} as given`, async (t) => {
    const text = wire(
      "GET / HTTP/1.1",
      "A: 1",
      "Host: client",
      "Connection: Upgrade",
      "Upgrade: websocket",
      ...REST,
    )
    t.equal(request(text, host), text.replace("Host: client", `Host: ${host}`))
  })
}

t.test("the backend's request target is the one that the caller gives", async (t) => {
  const text = wire("GET /chat?x HTTP/1.1", "Host: a", "Connection: Upgrade", "Upgrade: websocket", ...REST)
  const parsed = toUpgradeRequest(parseRequestHead(Buffer.from(text)))
  t.equal(
    rewriteRequest(parsed, { host: "a", target: "/base/x?y" }),
    text.replace("GET /chat?x ", "GET /base/x?y "),
  )
})

const CHANGEABLE = [
  "A: 1",
  "Host: a",
  "Cookie: b",
  "Connection: Upgrade, X-Hop",
  "a: 2",
  "Upgrade: websocket",
  "X-Hop: c",
  ...REST,
]
const UNCHANGED = CHANGEABLE.map((line) =>
  line.startsWith("Host") ? `Host: ${HOST}` : line.startsWith("Connection") ? "Connection: Upgrade" : line,
).filter((line) => !line.startsWith("X-Hop"))

const edited: { title: string; edits: FieldEdit[]; to: readonly string[] }[] = [
  { title: "no edits change nothing", edits: [], to: UNCHANGED },
  {
    title: "a set field replaces all fields of its name, in place of the first",
    edits: [FieldEdit.set("A", "new")],
    to: ["A: new", ...UNCHANGED.slice(1).filter((line) => line !== "a: 2")],
  },
  {
    title: "a removed field is dropped everywhere",
    edits: [FieldEdit.remove("a"), FieldEdit.remove("Not-There")],
    to: UNCHANGED.filter((line) => !/^a:/i.test(line)),
  },
  {
    title: "a new field is added at the end",
    edits: [FieldEdit.set("X-New", "1"), FieldEdit.append("X-New", "2"), FieldEdit.set("Y", "\xe9")],
    to: [...UNCHANGED, "X-New: 1", "X-New: 2", "Y: \xe9"],
  },
  {
    title: "a field that Connection names can be set",
    edits: [FieldEdit.set("X-Hop", "ours")],
    to: [...UNCHANGED.slice(0, 6), "X-Hop: ours", ...UNCHANGED.slice(6)],
  },
  {
    title: "Host, Connection and Upgrade cannot be edited",
    edits: [FieldEdit.set("Host", "evil"), FieldEdit.remove("Connection"), FieldEdit.set("Upgrade", "h2c")],
    to: UNCHANGED,
  },
]

for (const { title, edits, to } of edited) {
  t.test(`in a request ${title}`, async (t) => {
    const parsed = toUpgradeRequest(parseRequestHead(Buffer.from(wire("GET / HTTP/1.1", ...CHANGEABLE))))
    const before = [...edits]
    t.equal(rewriteRequest(parsed, { host: HOST, target: "/", edits }), wire("GET / HTTP/1.1", ...to))
    t.same(edits, before, "the list of edits stays as it is")
  })
}

const RESPONSE = [
  "HTTP/1.1 101 Switching Protocols",
  "Server: chat/1.0",
  "Upgrade: websocket",
  "Set-Cookie: a=b",
  "Connection: Upgrade",
  `Sec-WebSocket-Accept: ${ACCEPT}`,
  "Set-Cookie: c=d",
]

const editedResponses: {
  title: string
  edits?: FieldEdit[]
  to: readonly string[]
}[] = [
  { title: "no edits change nothing", to: RESPONSE },
  { title: "an empty list of edits changes nothing", edits: [], to: RESPONSE },
  {
    title: "fields are set, removed and added",
    edits: [FieldEdit.remove("Server"), FieldEdit.set("Set-Cookie", "e=f"), FieldEdit.set("X-New", "1")],
    to: [RESPONSE[0] ?? "", "Upgrade: websocket", "Set-Cookie: e=f", ...RESPONSE.slice(4, 6), "X-New: 1"],
  },
  {
    title: "Connection, Upgrade and Content-Length cannot be edited",
    edits: [
      FieldEdit.set("Connection", "close"),
      FieldEdit.remove("Upgrade"),
      FieldEdit.set("Content-Length", "5"),
    ],
    to: RESPONSE,
  },
  {
    title: "appended fields are added at the end and replace nothing",
    edits: [FieldEdit.append("Set-Cookie", "rws=1; HttpOnly")],
    to: [...RESPONSE, "Set-Cookie: rws=1; HttpOnly"],
  },
  {
    title: "appended fields stay even if fields of their name are removed",
    edits: [FieldEdit.remove("Set-Cookie"), FieldEdit.append("Set-Cookie", "rws=1")],
    to: [...RESPONSE.filter((line) => !line.startsWith("Set-Cookie")), "Set-Cookie: rws=1"],
  },
]

for (const { title, edits, to } of editedResponses) {
  t.test(`in a 101 ${title}`, async (t) => {
    const parsed = parseResponseHead(Buffer.from(wire(...RESPONSE)))
    t.equal(rewriteUpgradeResponse(parsed, edits), wire(...to))
    t.equal(rewriteUpgradeResponse(parsed), wire(...RESPONSE), "and the next head is not affected")
  })
}

/** A random field that is not hop-by-hop. */
function endToEndLine(random: Random): string {
  const name = `x${textOf(random, TOKEN, 1, 10)}`
  const value = textOf(random, FIELD_VCHAR, 0, 1) + textOf(random, `${FIELD_VCHAR} \t`, 0, 40)
  return `${name}:${textOf(random, " \t", 0, 2)}${value}`
}

const CONNECTION_LINES = [
  "Keep-Alive: 1",
  "TE: trailers",
  "Proxy-Connection: close",
  "hop-1: a",
  "HOP-2: b",
] as const

t.test("random end-to-end fields, and only those, pass byte for byte and in order", async (t) => {
  const random = seededRandom(6455)
  for (let round = 0; round < 3000; round++) {
    const kept = Array.from({ length: between(random, 0, 12) }, () => endToEndLine(random))
    const fixed = ["Host: a", "Connection: Upgrade, Hop-1, hop-2", "Upgrade: websocket", ...REST]
    const lines = [...kept]
    // Inserts the fixed lines in order, and hop-by-hop fields anywhere.
    let at = 0
    for (const line of fixed) {
      at = between(random, at, lines.length)
      lines.splice(at++, 0, line)
    }
    const expected = lines.map((line) =>
      line.startsWith("Host:")
        ? `Host: ${HOST}`
        : line.startsWith("Connection:")
          ? "Connection: Upgrade"
          : line,
    )
    for (let count = between(random, 0, 3); count > 0; count--) {
      lines.splice(between(random, 0, lines.length), 0, oneOf(random, CONNECTION_LINES))
    }
    const from = wire("GET / HTTP/1.1", ...lines)
    const to = wire("GET / HTTP/1.1", ...expected)
    if (request(from) === to) continue
    t.equal(request(from), to, `round ${round}`)
    return
  }
  t.pass("every one")
})

t.test("no value can end its line or the head", async (t) => {
  const random = seededRandom(7230)
  for (let round = 0; round < 3000; round++) {
    const lines = Array.from({ length: between(random, 0, 12) }, () => endToEndLine(random))
    const phrase = textOf(random, `${FIELD_VCHAR} `, 0, 20)
    const heads = [
      request(
        wire(
          `GET /${textOf(random, TOKEN.replace("#", ""), 0, 9)} HTTP/1.1`,
          ...lines,
          "Host: a",
          "Connection: Upgrade",
          "Upgrade: websocket",
          ...REST,
        ),
      ),
      answer(wire(`HTTP/1.1 101 ${phrase}`, ...lines)),
      refusal(wire(`HTTP/1.1 403 ${phrase}`, ...lines)),
    ]
    const broken = heads.find((head) => !/^(?:[^\r\n\0]+\r\n)+\r\n$/.test(head))
    if (broken === undefined) continue
    t.equal(broken, "a head", `round ${round}`)
    return
  }
  t.pass("every one")
})
