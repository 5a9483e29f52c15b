/** X-Request-ID and traceparent of a client that is not a trusted proxy are neither logged nor passed on. */
import t from "tap"
import { createProxy } from "../../lib/index.js"
import { type Fields, upgradeHead } from "../support/http/heads.js"
import { answerUpgrade, startBackend, startEchoBackend } from "../support/peers/backend.js"
import { collectLog } from "../support/program/log-lines.js"
import { nextEnd, openTunnel } from "../support/program/proxy.js"

const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
const TRACEPARENT = `00-${TRACE_ID}-00f067aa0ba902b7-01`
const SENT: Fields = {
  "X-Request-ID": "from-outside",
  traceparent: TRACEPARENT,
  tracestate: "vendor=outside",
}

interface Case {
  readonly title: string
  readonly settings: { readonly trusted_proxies?: string[]; readonly trace_headers?: boolean }
  readonly fields?: Fields
  /** Whether the backend gets what was sent, and the log has it. */
  readonly passed: boolean
  readonly logged: boolean
}

const cases: readonly Case[] = [
  { title: "a client's own fields are replaced", settings: {}, passed: false, logged: true },
  {
    title: "fields that CGI could confuse with them are removed",
    settings: {},
    fields: { X_Request_ID: "from-outside", "x.request.id": "from-outside" },
    passed: false,
    logged: true,
  },
  {
    title: "a trusted proxy's fields are kept",
    settings: { trusted_proxies: ["127.0.0.1"] },
    passed: true,
    logged: true,
  },
  {
    title: "with trace_headers = false a client's own fields are passed on, and not logged",
    settings: { trace_headers: false },
    passed: true,
    logged: false,
  },
]

for (const { title, settings, fields = SENT, passed, logged } of cases) {
  t.test(title, async (t) => {
    const backend = await startEchoBackend(t)
    const { log, lines } = collectLog()
    const listener = { bind: "127.0.0.1:0", backends: [backend.address], ...settings }
    const proxy = await createProxy({ ws_proxy: [listener] }, { log })
    t.teardown(() => proxy.close(0))
    const client = await openTunnel(proxy, upgradeHead(fields))
    const { text } = await backend.peer()
    const ended = nextEnd(proxy)
    client.socket.end()
    const { requestId, traceparent } = await ended
    const fieldOf = (name: string) => new RegExp(`^${name}: (.*)\r$`, "im").exec(text)?.[1]
    t.equal(/outside/.test(text), passed)
    t.equal(fieldOf("X-Request-ID") === "from-outside", passed)
    t.equal(fieldOf("traceparent") === TRACEPARENT, passed)
    t.equal(fieldOf("tracestate") === "vendor=outside", passed && "tracestate" in fields)
    t.equal(requestId, logged ? fieldOf("X-Request-ID") : undefined)
    t.equal(traceparent, logged ? fieldOf("traceparent") : undefined)
    if (logged && !passed) t.match(traceparent, new RegExp(`^00-${requestId}-[0-9a-f]{16}-01$`))
    t.match(
      lines.find(({ msg }) => msg === "session ended"),
      { request_id: requestId, traceparent },
    )
  })
}

t.test("request_headers override the two fields, or remove them", async (t) => {
  const backend = await startBackend(t, (peer) => void answerUpgrade(peer))
  const request_headers = { set: { "X-Request-ID": "by-rule" }, remove: ["traceparent"] }
  const proxy = await createProxy({
    ws_proxy: [{ bind: "127.0.0.1:0", backends: [backend.address], request_headers }],
  })
  t.teardown(() => proxy.close(0))
  await openTunnel(proxy, upgradeHead(SENT))
  const { text } = await backend.peer()
  t.match(text, /^X-Request-ID: by-rule\r$/m)
  t.notMatch(text, /traceparent/i)
})
