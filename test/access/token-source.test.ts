import t from "tap"
import { findToken, parseTokenSource, withoutTokenOffers } from "../../lib/access/token-source.js"
import { SessionEnd } from "../../lib/close-reason.js"
import { SettingError } from "../../lib/settings/setting-error.js"
import type { Fields } from "../support/http/heads.js"
import { requested } from "../support/http/requested.js"
import { thrownBy } from "../support/project/thrown.js"

interface Case {
  readonly from: readonly string[]
  readonly target?: string
  readonly fields?: Fields
  /** Absent: there is none. */
  readonly token?: string
  /** What is said when it is refused. */
  readonly refused?: RegExp
}

const AUTHORIZATION = ["header:Authorization"]
const COOKIE = ["cookie:session"]
const QUERY = ["query:token"]
const SUBPROTOCOL = ["subprotocol:bearer."]
const ALL = [...AUTHORIZATION, ...COOKIE, ...QUERY, ...SUBPROTOCOL]

const cases: readonly Case[] = [
  { from: AUTHORIZATION },
  { from: AUTHORIZATION, fields: { Authorization: "Bearer t.o.k" }, token: "t.o.k" },
  { from: AUTHORIZATION, fields: { Authorization: "bEARER   t.o.k  " }, token: "t.o.k" },
  { from: AUTHORIZATION, fields: { Authorization: "Bearer" } },
  { from: AUTHORIZATION, fields: { Authorization: "Bearer " } },
  { from: AUTHORIZATION, fields: { Authorization: "Bearert.o.k" } },
  { from: AUTHORIZATION, fields: { Authorization: "Basic dDpv" } },
  { from: AUTHORIZATION, fields: { Authorization: "t.o.k" } },
  { from: AUTHORIZATION, fields: { Authorization: "Bearer a b" }, token: "a b" },
  { from: AUTHORIZATION, fields: { Authorization: ["Bearer a", "Bearer a"] }, refused: /more than one/ },
  { from: AUTHORIZATION, fields: { Authorization: ["Basic a", "Bearer a"] }, refused: /more than one/ },
  { from: AUTHORIZATION, fields: { Authorization: ["", "Bearer a"] }, refused: /more than one/ },
  { from: AUTHORIZATION, fields: { "Proxy-Authorization": "Bearer a" } },
  { from: ["header:X-Token"], fields: { "x-token": "t.o.k" }, token: "t.o.k" },
  { from: ["header:X-Token"], fields: { X_Token: "t.o.k" } },
  { from: COOKIE, fields: { Cookie: "a=b; session=t.o.k; c=d" }, token: "t.o.k" },
  { from: COOKIE, fields: { Cookie: "a=b; Session=t.o.k" } },
  { from: COOKIE, fields: { Cookie: "session=" } },
  { from: COOKIE, fields: { Cookie: "session=a; session=b" }, refused: /more than one in cookie:session/ },
  { from: COOKIE, fields: { Cookie: ["session=a", "session=b"] }, refused: /more than one/ },
  { from: QUERY, target: "/chat?a=b&token=t.o.k", token: "t.o.k" },
  { from: QUERY, target: "/chat?%74oken=t%2Eo.k", token: "t.o.k" },
  { from: QUERY, target: "/chat?token=" },
  { from: QUERY, target: "/chat?token" },
  { from: QUERY, target: "/chat/token=a" },
  { from: QUERY, target: "/chat??token=a" },
  { from: QUERY, target: "/chat?token=a&token=b", refused: /more than one in query:token/ },
  { from: QUERY, target: "/chat?token=&token=b", refused: /more than one/ },
  { from: SUBPROTOCOL, fields: { "Sec-WebSocket-Protocol": "chat, bearer.t.o.k" }, token: "t.o.k" },
  { from: SUBPROTOCOL, fields: { "Sec-WebSocket-Protocol": ["bearer.t.o.k", "chat"] }, token: "t.o.k" },
  { from: SUBPROTOCOL, fields: { "Sec-WebSocket-Protocol": "chat, Bearer.t.o.k" } },
  { from: SUBPROTOCOL, fields: { "Sec-WebSocket-Protocol": "bearer." } },
  { from: SUBPROTOCOL, fields: { "Sec-WebSocket-Protocol": "bearer.a,bearer.b" }, refused: /more than one/ },
  { from: ALL, target: "/?token=q", fields: { Authorization: "Bearer h", Cookie: "session=c" }, token: "h" },
  { from: ALL, target: "/?token=q", fields: { Authorization: "Basic h", Cookie: "session=c" }, token: "c" },
  { from: ALL, target: "/?token=q", fields: { "Sec-WebSocket-Protocol": "bearer.s" }, token: "q" },
  { from: [...QUERY, ...COOKIE], target: "/?token=q", fields: { Cookie: "session=c" }, token: "q" },
  { from: ALL, target: "/?token=q&token=r", fields: { Authorization: "Bearer h" }, token: "h" },
]

for (const { from, target = "/chat", fields = {}, token, refused } of cases) {
  const title = `${from.join(", ")} in ${target} ${JSON.stringify(fields)}`
  t.test(title, async (t) => {
    const find = () => findToken(from.map(parseTokenSource), requested(target, fields))
    if (refused === undefined) t.equal(find(), token)
    else {
      const error = thrownBy(find)
      t.ok(error instanceof SessionEnd)
      t.match(error, { reason: "bad_token", detail: refused })
    }
  })
}

t.test("only the offers that may be tokens are removed", async (t) => {
  const kept = (value: string | readonly string[]) =>
    withoutTokenOffers(requested("/", { "Sec-WebSocket-Protocol": value, X: "bearer.x" }).fields, ["bearer."])
      .filter(({ name }) => name === "sec-websocket-protocol")
      .map(({ line }) => line)
  t.same(kept("chat ,v2"), ["Sec-WebSocket-Protocol: chat ,v2\r\n"], "as it was sent")
  t.same(kept("chat, bearer.t ,v2"), ["Sec-WebSocket-Protocol: chat, v2\r\n"])
  t.same(kept(["bearer.t", "chat"]), ["Sec-WebSocket-Protocol: chat\r\n"])
  t.same(kept(["bearer.t", "bearer."]), [])
})

t.test("a place that is none is refused in words", async (t) => {
  for (const text of [
    "",
    "Authorization",
    "header:",
    "header:a b",
    "cookie:",
    "query:",
    "subprotocol:",
    "subprotocol:a,b",
    "path:1",
  ]) {
    const error = thrownBy(() => parseTokenSource(text))
    t.ok(error instanceof SettingError, text)
  }
})
