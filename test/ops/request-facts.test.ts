import t from "tap"
import { noteFields, noteSubprotocol, shownField } from "../../lib/ops/request-facts.js"
import type { SessionSummary } from "../../lib/ops/session-summary.js"
import type { Fields } from "../support/http/heads.js"
import { requested } from "../support/http/requested.js"

function noted(note: typeof noteFields, fields: Fields): SessionSummary {
  const summary: SessionSummary = {
    listener: "chat",
    client: "unix",
    startedAt: 0,
    bytesFromClient: 0,
    bytesFromBackend: 0,
  }
  note(summary, requested("/", fields).fields)
  return summary
}

t.test("Host, Origin and User-Agent are noted, the first of each", async (t) => {
  const summary = noted(noteFields, {
    Host: "a.example",
    Origin: ["https://a", "https://b"],
    "User-Agent": "ws",
  })
  t.match(summary, { host: "a.example", origin: "https://a", userAgent: "ws" })
})

const WITH_USERINFO = [
  ["https://user:secret@a.example", "https://a.example"],
  ["https://secret@a.example:8443/x@y", "https://a.example:8443/x@y"],
  ["https://a.example https://u:se@cret@b.example", "https://a.example https://b.example"],
  ["user:secret@a.example", "a.example"],
  ["https://a.example/x@y", "https://a.example/x@y"],
] as const

for (const [value, shown] of WITH_USERINFO) {
  t.test(`the Host or Origin ${value} is shown as ${shown}`, async (t) => {
    const fields = ["host", "origin"].map((name) => ({ name, value, line: "" }))
    t.match(
      noted((summary) => noteFields(summary, fields), {}),
      { host: shown, origin: shown },
    )
    t.equal(shownField("host", value), shown)
    t.equal(shownField("origin", value), shown)
  })
}

t.test("what a request does not have stays absent", async (t) => {
  t.strictSame(Object.keys(noted(noteFields, {})).sort(), [
    "bytesFromBackend",
    "bytesFromClient",
    "client",
    "host",
    "listener",
    "startedAt",
  ])
})

t.test("a long value is truncated to 256 characters, and marked as such", async (t) => {
  const { userAgent } = noted(noteFields, { "User-Agent": "a".repeat(257) })
  t.equal(userAgent, `${"a".repeat(255)}\u2026`)
  t.equal(noted(noteFields, { "User-Agent": "a".repeat(256) }).userAgent, "a".repeat(256))
})

const TOKEN = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.x"

t.test("a chosen subprotocol is noted, but not one that is probably a token", async (t) => {
  const subprotocolOf = (name: string) =>
    noted(noteSubprotocol, { "Sec-WebSocket-Protocol": name }).subprotocol
  t.equal(subprotocolOf("graphql-transport-ws"), "graphql-transport-ws")
  t.equal(subprotocolOf(TOKEN), "eyJhbGci\u2026")
  t.equal(noted(noteSubprotocol, {}).subprotocol, undefined)
})

t.test("of offered subprotocols tokens are not shown", async (t) => {
  t.equal(shownField("sec-websocket-protocol", `chat, ${TOKEN} ,b`), "chat, eyJhbGci\u2026, b")
  t.equal(shownField("origin", TOKEN), TOKEN)
})
