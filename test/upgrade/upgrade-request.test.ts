import t from "tap"
import { CLOSE_REASONS, type CloseReason, SessionEnd } from "../../lib/close-reason.js"
import { parseRequestHead } from "../../lib/http/head.js"
import { toUpgradeRequest, type UpgradeRequest } from "../../lib/upgrade/upgrade-request.js"
import { type Fields, KEY, upgradeHead } from "../support/http/heads.js"

function check(fields: Fields = {}, requestLine?: string): UpgradeRequest {
  return toUpgradeRequest(parseRequestHead(Buffer.from(upgradeHead(fields, requestLine), "latin1")))
}

/** Reason and detail of the refusal; undefined if the request is accepted. */
function refusal(fields: Fields, requestLine?: string): SessionEnd | undefined {
  return endedBy(() => check(fields, requestLine))
}

function endedBy(call: () => unknown): SessionEnd | undefined {
  try {
    call()
  } catch (error) {
    if (error instanceof SessionEnd) return error
    throw error
  }
  return undefined
}

t.test("a valid upgrade is parsed into target, host, key and unchanged fields", async (t) => {
  const head = upgradeHead({ "X-A": ["1", "2"] }, "GET /chat?room=1&x=%20 HTTP/1.1")
  const request = toUpgradeRequest(parseRequestHead(Buffer.from(head)))
  t.match(request, { target: "/chat?room=1&x=%20", host: "chat.example", key: KEY })
  t.equal(`GET ${request.target} HTTP/1.1\r\n${request.fields.map(({ line }) => line).join("")}\r\n`, head)
})

interface Accepted {
  readonly title: string
  readonly fields?: Fields
  readonly requestLine?: string
}

const accepted: Accepted[] = [
  { title: "Upgrade in another case", fields: { Upgrade: "WebSocket" } },
  { title: "Upgrade in capitals", fields: { Upgrade: "WEBSOCKET" } },
  { title: "websocket first in a list", fields: { Upgrade: "websocket, h2c" } },
  { title: "websocket last in a list", fields: { Upgrade: "h2c,websocket" } },
  { title: "websocket in the second Upgrade field", fields: { Upgrade: ["h2c", "websocket"] } },
  { title: "empty members in the Upgrade list", fields: { Upgrade: ", ,websocket, " } },
  { title: "Connection in another case", fields: { Connection: "upgrade" } },
  { title: "Connection in capitals", fields: { Connection: "UPGRADE" } },
  { title: "the Connection list of Firefox", fields: { Connection: "keep-alive, Upgrade" } },
  { title: "upgrade first in the Connection list", fields: { Connection: "upgrade,keep-alive" } },
  { title: "upgrade in the second Connection field", fields: { Connection: ["keep-alive", "Upgrade"] } },
  { title: "tabs in the Connection list", fields: { Connection: "keep-alive\t,\tUpgrade" } },
  {
    title: "a Connection list that names another field",
    fields: { Connection: "Upgrade, X-Hop", "X-Hop": "1" },
  },
  { title: "a Connection list that names close as well", fields: { Connection: "close, Upgrade" } },
  { title: "Content-Length: 0", fields: { "Content-Length": "0" } },
  { title: "Content-Length: 000", fields: { "Content-Length": "000" } },
  {
    title: "a key of the other base64 characters",
    fields: { "Sec-WebSocket-Key": "++//++//++//++//++//+w==" },
  },
  {
    title: "the key of RFC 6455 §4.1, whose last character has spare bits",
    fields: { "Sec-WebSocket-Key": "AQIDBAUGBwgJCgsMDQ4PEC==" },
  },
  {
    title: "white space around key and version",
    fields: { "Sec-WebSocket-Key": `\t ${KEY} `, "Sec-WebSocket-Version": " 13\t" },
  },
  {
    title: "subprotocols, extensions, Origin and cookies",
    fields: {
      "Sec-WebSocket-Protocol": ["a, b", "c"],
      "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits",
      Origin: "null",
      Cookie: "a=b; c=d",
    },
  },
]

for (const { title, fields, requestLine } of accepted) {
  t.test(`a request with ${title} is an upgrade`, async (t) => {
    t.equal(refusal(fields ?? {}, requestLine), undefined)
  })
}

interface Refused extends Accepted {
  readonly reason: CloseReason
  readonly detail?: RegExp
}

const refused: Refused[] = [
  { title: "HTTP/1.0", requestLine: "GET / HTTP/1.0", reason: "bad_version", detail: /HTTP\/1\.0/ },
  { title: "HTTP/0.9", requestLine: "GET / HTTP/0.9", reason: "bad_version" },
  { title: "HTTP/2.0 in an HTTP/1 request line", requestLine: "GET / HTTP/2.0", reason: "bad_version" },
  ...["HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "PROPFIND", "M-SEARCH"].map((method) => ({
    title: `method ${method}`,
    requestLine: `${method} /chat HTTP/1.1`,
    reason: "bad_method" as const,
    detail: new RegExp(method),
  })),
  { title: "method CONNECT", requestLine: "CONNECT chat.example:80 HTTP/1.1", reason: "bad_method" },

  { title: "no Host", fields: { Host: undefined }, reason: "bad_host", detail: /missing/ },
  {
    title: "two Hosts",
    fields: { Host: ["chat.example", "other.example"] },
    reason: "bad_host",
    detail: /more than one/,
  },
  { title: "the same Host twice", fields: { Host: ["chat.example", "chat.example"] }, reason: "bad_host" },
  { title: "two Hosts in different case", fields: { HOST: "chat.example" }, reason: "bad_host" },
  { title: "an empty and a valid Host", fields: { Host: ["", "chat.example"] }, reason: "bad_host" },

  {
    title: "a body announced by Content-Length",
    fields: { "Content-Length": "1" },
    reason: "has_body",
    detail: /Content-Length/,
  },
  {
    title: "a body announced by Content-Length: 010",
    fields: { "Content-Length": "010" },
    reason: "has_body",
  },
  {
    title: "a chunked body",
    fields: { "Transfer-Encoding": "chunked" },
    reason: "has_body",
    detail: /Transfer-Encoding/,
  },
  { title: "Transfer-Encoding: identity", fields: { "Transfer-Encoding": "identity" }, reason: "has_body" },
  { title: "an empty Transfer-Encoding", fields: { "Transfer-Encoding": "" }, reason: "has_body" },

  { title: "no Upgrade", fields: { Upgrade: undefined }, reason: "bad_upgrade", detail: /^Upgrade / },
  { title: "an empty Upgrade", fields: { Upgrade: "" }, reason: "bad_upgrade" },
  { title: "another Upgrade", fields: { Upgrade: "h2c" }, reason: "bad_upgrade" },
  {
    title: "an Upgrade that only starts with websocket",
    fields: { Upgrade: "websockets" },
    reason: "bad_upgrade",
  },
  { title: "an Upgrade with a version", fields: { Upgrade: "websocket/13" }, reason: "bad_upgrade" },
  { title: "an Upgrade of two words", fields: { Upgrade: "web socket" }, reason: "bad_upgrade" },
  { title: "an Upgrade in quotes", fields: { Upgrade: '"websocket"' }, reason: "bad_upgrade" },
  { title: "a list separated by semicolons", fields: { Upgrade: "h2c; websocket" }, reason: "bad_upgrade" },
  {
    title: "no Connection",
    fields: { Connection: undefined },
    reason: "bad_upgrade",
    detail: /^Connection /,
  },
  { title: "Connection: keep-alive", fields: { Connection: "keep-alive" }, reason: "bad_upgrade" },
  { title: "Connection: Upgrades", fields: { Connection: "Upgrades" }, reason: "bad_upgrade" },
  {
    title: "Connection: keep-alive Upgrade",
    fields: { Connection: "keep-alive Upgrade" },
    reason: "bad_upgrade",
  },
  ...[
    "Host",
    "host",
    "Content-Length",
    "Sec-WebSocket-Key",
    "sec-websocket-version",
    "SEC-WEBSOCKET-PROTOCOL",
    "Sec-WebSocket-Extensions",
  ].map((name) => ({
    title: `a Connection list that names ${name}`,
    fields: { Connection: `Upgrade, ${name}` },
    reason: "bad_upgrade" as const,
    detail: /not hop-by-hop/,
  })),
  {
    title: "a second Connection field that names Host",
    fields: { Connection: ["Upgrade", "host"] },
    reason: "bad_upgrade",
    detail: /not hop-by-hop/,
  },
  {
    title: "only a Host",
    fields: {
      Upgrade: undefined,
      Connection: undefined,
      "Sec-WebSocket-Key": undefined,
      "Sec-WebSocket-Version": undefined,
    },
    reason: "bad_upgrade",
  },

  { title: "no version", fields: { "Sec-WebSocket-Version": undefined }, reason: "bad_ws_version" },
  ...["", "8", "0", "14", "1", "113", "013", "13.0", "+13", "13, 8", "13,13", "13;", "thirteen", '"13"'].map(
    (version) => ({
      title: `Sec-WebSocket-Version: ${version}`,
      fields: { "Sec-WebSocket-Version": version },
      reason: "bad_ws_version" as const,
    }),
  ),
  { title: "two versions", fields: { "Sec-WebSocket-Version": ["13", "8"] }, reason: "bad_ws_version" },
  {
    title: "the correct version twice",
    fields: { "Sec-WebSocket-Version": ["13", "13"] },
    reason: "bad_ws_version",
  },

  { title: "no key", fields: { "Sec-WebSocket-Key": undefined }, reason: "bad_key", detail: /missing/ },
  {
    title: "two keys",
    fields: { "Sec-WebSocket-Key": [KEY, "AQIDBAUGBwgJCgsMDQ4PEA=="] },
    reason: "bad_key",
    detail: /more than one/,
  },
  { title: "the same key twice", fields: { "Sec-WebSocket-Key": [KEY, KEY] }, reason: "bad_key" },
  ...[
    ["no text", ""],
    ["15 bytes", Buffer.alloc(15).toString("base64")],
    ["17 bytes", Buffer.alloc(17).toString("base64")],
    ["18 bytes, without padding", Buffer.alloc(18).toString("base64")],
    ["its padding missing", KEY.slice(0, -2)],
    ["half its padding", KEY.slice(0, -1)],
    ["too much padding", `${KEY}=`],
    ["base64url characters", "--__--__--__--__--__-w=="],
    ["a space inside", `${KEY.slice(0, 10)} ${KEY.slice(10)}`],
    ["a space in place of a character", `${KEY.slice(0, 10)} ${KEY.slice(11)}`],
    ["quotes", `"${KEY}"`],
    ["a list of two", `${KEY}, ${KEY}`],
    ["a high byte", `\xe9${KEY.slice(1)}`],
  ].map(([title, key]) => ({
    title: `a key with ${title}`,
    fields: { "Sec-WebSocket-Key": key },
    reason: "bad_key" as const,
    detail: /16 bytes in base64/,
  })),
]

for (const { title, fields, requestLine, reason, detail } of refused) {
  t.test(`a request with ${title} is refused for ${reason}`, async (t) => {
    const error = refusal(fields ?? {}, requestLine)
    t.equal(error?.reason, reason)
    if (detail !== undefined) t.match(error?.detail, detail)
  })
}

t.test("every refusal is caused by the client and has the status of the close-reason table", async (t) => {
  for (const { reason } of refused) {
    t.match(CLOSE_REASONS[reason], {
      who: "client",
      stage: "validate",
      status: reason === "bad_ws_version" ? 426 : 400,
    })
  }
})

const hosts: { host: string; valid: boolean }[] = [
  { host: "chat.example", valid: true },
  { host: "CHAT.example", valid: true },
  { host: "chat.example:8080", valid: true },
  { host: "chat.example:0", valid: true },
  { host: "chat.example:65535", valid: true },
  { host: "chat.example.", valid: true },
  { host: "chat_1.example", valid: true },
  { host: "localhost", valid: true },
  { host: "127.0.0.1", valid: true },
  { host: "127.0.0.1:9000", valid: true },
  { host: "[::1]", valid: true },
  { host: "[::1]:8080", valid: true },
  { host: "[2001:DB8::a]", valid: true },
  { host: "[::ffff:1.2.3.4]:80", valid: true },
  { host: "xn--bcher-kva.example", valid: true },
  { host: "b%C3%BCcher.example", valid: true },
  { host: "a,b;c=d!e", valid: true }, // Odd, but a registered name may be made of these (RFC 3986 §3.2.2).
  { host: "", valid: false },
  { host: ":8080", valid: false },
  { host: ":", valid: false },
  { host: "chat.example:65536", valid: false },
  { host: "chat.example:99999999999999999999", valid: false },
  { host: "chat.example:-1", valid: false },
  { host: "chat.example:80x", valid: false },
  { host: "chat.example:80:80", valid: false },
  { host: "chat.example: 80", valid: false },
  { host: "chat.example :80", valid: false },
  { host: "chat example", valid: false },
  { host: "chat.example\tother.example", valid: false },
  { host: "chat.example, other.example", valid: false },
  { host: "user@chat.example", valid: false },
  { host: "user:password@chat.example", valid: false },
  { host: "chat.example/", valid: false },
  { host: "chat.example/path", valid: false },
  { host: "chat.example?query", valid: false },
  { host: "chat.example#fragment", valid: false },
  { host: "http://chat.example", valid: false },
  { host: "chat.example\\other", valid: false },
  { host: '"chat.example"', valid: false },
  { host: "<chat.example>", valid: false },
  { host: "b\xfccher.example", valid: false },
  { host: "%C3%B.example", valid: false },
  { host: "%zz.example", valid: false },
  { host: "chat.example%", valid: false },
  { host: "::1", valid: false },
  { host: "[::1", valid: false },
  { host: "::1]", valid: false },
  { host: "[]", valid: false },
  { host: "[1.2.3.4]", valid: false },
  { host: "[chat.example]", valid: false },
  { host: "[::1]8080", valid: false },
  { host: "[::1]chat", valid: false },
  { host: "[::1]:", valid: false },
  { host: "[::1]:65536", valid: false },
  { host: "[::g]", valid: false },
  { host: "[1::2::3]", valid: false },
  { host: "[fe80::1%25eth0]", valid: false },
  { host: "[fe80::1%eth0]", valid: false },
  { host: "x[::1]", valid: false },
]

for (const { host, valid } of hosts) {
  t.test(`the Host ${JSON.stringify(host)} is ${valid ? "accepted" : "refused"}`, async (t) => {
    const error = refusal({ Host: host })
    t.equal(error?.reason, valid ? undefined : "bad_host")
    if (valid) t.equal(check({ Host: host }).host, host)
  })
}

interface TargetCase {
  readonly target: string
  /** In origin-form; absent if the target is refused. */
  readonly origin?: string
  readonly host?: string
}

const targets: TargetCase[] = [
  { target: "/", origin: "/" },
  { target: "/a/b?c=d&e", origin: "/a/b?c=d&e" },
  { target: "/?", origin: "/?" },
  { target: "//other.example/", origin: "//other.example/" },
  { target: "/%00%0d%0a", origin: "/%00%0d%0a" },
  { target: "/../..//a", origin: "/../..//a" },
  { target: "/?u=http://a/b:c@d", origin: "/?u=http://a/b:c@d" },
  { target: "http://chat.example/a?b", origin: "/a?b" },
  { target: "https://chat.example/a", origin: "/a" },
  { target: "ws://chat.example/a", origin: "/a" },
  { target: "wss://chat.example/a", origin: "/a" },
  { target: "HTTP://CHAT.example/a", origin: "/a" },
  { target: "http://chat.example", origin: "/" },
  { target: "http://chat.example/", origin: "/" },
  { target: "http://chat.example?b", origin: "/?b" },
  { target: "http://chat.example//a", origin: "//a" },
  { target: "http://chat.example:81/a", origin: "/a", host: "chat.example:81" },
  { target: "http://[::1]:81/a", origin: "/a", host: "[::1]:81" },

  { target: "*" },
  { target: "/a#b" },
  { target: "/#" },
  { target: "/a?b#c" },
  { target: "http://chat.example/#a" },
  { target: "http://chat.example#a" },
  { target: "http://other.example/" },
  { target: "http://chat.example:80/" },
  { target: "http://chat.example.evil/" },
  { target: "http://user@chat.example/" },
  { target: "http://chat.example@evil/" },
  { target: "http:///a" },
  { target: "ftp://chat.example/" },
  { target: "file:///etc/passwd" },
  { target: "javascript://chat.example/" },
]

for (const { target, origin, host = "chat.example" } of targets) {
  const outcome = origin === undefined ? "is refused" : `asks the backend for ${origin}`
  t.test(`the target ${target} with Host ${host} ${outcome}`, async (t) => {
    const head = { ...parseRequestHead(Buffer.from(upgradeHead({ Host: host }))), target }
    if (origin !== undefined) t.equal(toUpgradeRequest(head).target, origin)
    else t.equal(endedBy(() => toUpgradeRequest(head))?.reason, "bad_target")
  })
}

t.test(
  "a target that is empty or contains other than visible ASCII is refused, even if the parser accepts it",
  async (t) => {
    const head = parseRequestHead(Buffer.from(upgradeHead()))
    for (const target of ["/\xe9", "/\x80", "/ ", "/a b", "/\t", "/\r\n", "/\0", "", "/\x7f"]) {
      t.equal(
        endedBy(() => toUpgradeRequest({ ...head, target }))?.reason,
        "bad_target",
        JSON.stringify(target),
      )
    }
  },
)

t.test("names of JavaScript object members are ordinary field names", async (t) => {
  t.equal(refusal({ constructor: "x", hasOwnProperty: "y", toString: "z" }), undefined)
})
