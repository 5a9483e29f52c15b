import t from "tap"
import { SessionEnd } from "../../lib/close-reason.js"
import { parseResponseHead } from "../../lib/http/head.js"
import { acceptKey } from "../../lib/upgrade/accept-key.js"
import { checkUpgradeResponse } from "../../lib/upgrade/upgrade-response.js"
import { answerHead, type Fields, KEY } from "../support/http/heads.js"

const ACCEPT = acceptKey(KEY)
const OTHER_KEY = "AQIDBAUGBwgJCgsMDQ4PEA=="

/** The fault of a 101 for `KEY`; undefined if there is none. */
function fault(fields: Fields, statusLine?: string, offered?: readonly string[]): SessionEnd | undefined {
  const head = parseResponseHead(Buffer.from(answerHead(fields, KEY, statusLine), "latin1"))
  try {
    checkUpgradeResponse(head, KEY, offered)
  } catch (error) {
    if (error instanceof SessionEnd) return error
    throw error
  }
  return undefined
}

const accepted: { title: string; fields: Fields; statusLine?: string }[] = [
  { title: "only the fields that RFC 6455 requires", fields: {} },
  { title: "no phrase", fields: {}, statusLine: "HTTP/1.1 101" },
  { title: "a phrase of its own", fields: {}, statusLine: "HTTP/1.1 101 Web Socket Protocol Handshake" },
  { title: "Upgrade in another case", fields: { Upgrade: "WebSocket" } },
  { title: "Connection in another case", fields: { Connection: "upgrade" } },
  { title: "a Connection list", fields: { Connection: "keep-alive, Upgrade" } },
  { title: "several Connection fields", fields: { Connection: ["keep-alive", "Upgrade"] } },
  { title: "white space around its accept value", fields: { "Sec-WebSocket-Accept": ` \t${ACCEPT}\t ` } },
  {
    title: "a subprotocol, extensions and cookies",
    fields: {
      "Sec-WebSocket-Protocol": "a",
      "Sec-WebSocket-Extensions": "permessage-deflate",
      "Set-Cookie": ["a=b", "c=d"],
    },
  },
  { title: "a needless Content-Length", fields: { "Content-Length": "0" } },
]

for (const { title, fields, statusLine } of accepted) {
  t.test(`a 101 with ${title} is accepted`, async (t) => {
    t.equal(fault(fields, statusLine), undefined)
  })
}

const refused: { title: string; fields?: Fields; statusLine?: string; detail: RegExp }[] = [
  { title: "HTTP/1.0", statusLine: "HTTP/1.0 101 Switching Protocols", detail: /HTTP\/1\.0/ },
  { title: "no Upgrade", fields: { Upgrade: undefined }, detail: /^Upgrade is / },
  { title: "an empty Upgrade", fields: { Upgrade: "" }, detail: /^Upgrade is / },
  { title: "another Upgrade", fields: { Upgrade: "h2c" }, detail: /^Upgrade is / },
  { title: "an Upgrade to two protocols", fields: { Upgrade: "websocket, h2c" }, detail: /^Upgrade is / },
  {
    title: "an Upgrade that only starts with websocket",
    fields: { Upgrade: "websockets" },
    detail: /^Upgrade is /,
  },
  { title: "no Connection", fields: { Connection: undefined }, detail: /^Connection / },
  { title: "Connection: close", fields: { Connection: "close" }, detail: /^Connection / },
  {
    title: "Connection: keep-alive Upgrade",
    fields: { Connection: "keep-alive Upgrade" },
    detail: /^Connection /,
  },
  {
    title: "a Connection list that names Sec-WebSocket-Protocol",
    fields: { Connection: "Upgrade, sec-websocket-protocol" },
    detail: /not hop-by-hop/,
  },
  {
    title: "a Connection list that names Content-Length",
    fields: { Connection: "Upgrade, Content-Length" },
    detail: /not hop-by-hop/,
  },
  { title: "no accept value", fields: { "Sec-WebSocket-Accept": undefined }, detail: /Sec-WebSocket-Accept/ },
  { title: "an empty accept value", fields: { "Sec-WebSocket-Accept": "" }, detail: /Sec-WebSocket-Accept/ },
  {
    title: "the accept value of another key",
    fields: { "Sec-WebSocket-Accept": acceptKey(OTHER_KEY) },
    detail: /Sec-WebSocket-Accept/,
  },
  {
    title: "the key itself as accept value",
    fields: { "Sec-WebSocket-Accept": KEY },
    detail: /Sec-WebSocket-Accept/,
  },
  {
    title: "the accept value in another case",
    fields: { "Sec-WebSocket-Accept": ACCEPT.toLowerCase() },
    detail: /Sec-WebSocket-Accept/,
  },
  {
    title: "the accept value without its padding",
    fields: { "Sec-WebSocket-Accept": ACCEPT.slice(0, -1) },
    detail: /Sec-WebSocket-Accept/,
  },
  {
    title: "the accept value twice",
    fields: { "Sec-WebSocket-Accept": [ACCEPT, ACCEPT] },
    detail: /Sec-WebSocket-Accept/,
  },
  {
    title: "a correct and a wrong accept value",
    fields: { "Sec-WebSocket-Accept": [ACCEPT, acceptKey(OTHER_KEY)] },
    detail: /Sec-WebSocket-Accept/,
  },
  {
    title: "two accept values in one list",
    fields: { "Sec-WebSocket-Accept": `${ACCEPT}, ${ACCEPT}` },
    detail: /Sec-WebSocket-Accept/,
  },
]

for (const { title, fields = {}, statusLine, detail } of refused) {
  t.test(`a 101 with ${title} is refused`, async (t) => {
    const error = fault(fields, statusLine)
    t.equal(error?.reason, "bad_101")
    t.match(error?.detail, detail)
  })
}

const choices: {
  offered: readonly string[] | undefined
  chosen: string | readonly string[] | undefined
  detail?: RegExp
}[] = [
  { offered: undefined, chosen: "whatever" },
  { offered: undefined, chosen: ["a", "b"] },
  { offered: ["a", "b"], chosen: undefined },
  { offered: ["a", "b"], chosen: "a" },
  { offered: ["a", "b"], chosen: " b\t" },
  { offered: [], chosen: undefined },
  { offered: ["a", "b"], chosen: "c", detail: /was not offered/ },
  { offered: ["a", "b"], chosen: "A", detail: /was not offered/ },
  { offered: ["a", "b"], chosen: "a, b", detail: /was not offered/ },
  { offered: ["a", "b"], chosen: "", detail: /was not offered/ },
  { offered: ["a", "b"], chosen: ["a", "a"], detail: /more than one Sec-WebSocket-Protocol/ },
  { offered: ["a", "b"], chosen: ["a", "c"], detail: /more than one Sec-WebSocket-Protocol/ },
  { offered: [], chosen: "a", detail: /was not offered/ },
]

for (const { offered, chosen, detail } of choices) {
  const offer = offered === undefined ? "an offer that is the client's own" : JSON.stringify(offered)
  t.test(`a backend may ${detail ? "not " : ""}choose ${JSON.stringify(chosen)} from ${offer}`, async (t) => {
    const error = fault({ "Sec-WebSocket-Protocol": chosen }, undefined, offered)
    t.equal(error?.reason, detail && "bad_101")
    if (detail !== undefined) t.match(error?.detail, detail)
  })
}
