import t from "tap"
import { colourful, compactLine, plain } from "../../lib/ops/compact-line.js"
import type { LoggedLine } from "../../lib/ops/logged-line.js"

const LINE: LoggedLine = {
  level: 30,
  msg: "session ended",
  listener: "chat",
  client: "192.0.2.1:50000",
  backend: "chat-1:9000",
  path: "/chat",
  status: 101,
  reason: "client_fin",
  detail: "closed normally; the client sent the first FIN",
  bytes_from_client: 5,
  bytes_from_backend: 70_000,
  tunnel_ms: 3250.123,
}

const CASES: { what: string; line: LoggedLine; written: string }[] = [
  {
    what: "a tunnel",
    line: LINE,
    written:
      "[12:00:00.000] chat 192.0.2.1:50000 -> chat-1:9000 /chat 101 client_fin 3.2 s, 5 B in, 70.0 kB out",
  },
  {
    what: "a tunnel that has opened",
    line: { ...LINE, msg: "session opened", tunnel_ms: undefined, reason: undefined },
    written: "[12:00:00.000] chat 192.0.2.1:50000 -> chat-1:9000 /chat 101 open",
  },
  {
    what: "a refusal",
    line: {
      ...LINE,
      msg: "session refused",
      level: 40,
      status: 502,
      reason: "backend_unreachable",
      detail: "no backend could be reached",
      error: "connect ECONNREFUSED",
      tunnel_ms: undefined,
    },
    written:
      "[12:00:00.000] chat 192.0.2.1:50000 -> chat-1:9000 /chat 502 backend_unreachable no backend could be reached: connect ECONNREFUSED",
  },
  {
    what: "a client that was refused before its request",
    line: {
      msg: "session refused",
      level: 30,
      listener: "chat",
      client: "unix",
      status: 408,
      reason: "head_timeout",
    },
    written: "[12:00:00.000] chat unix 408 head_timeout",
  },
  {
    what: "a path that could control the terminal",
    line: { ...LINE, path: '/"\\\x1b[2J\x9b2J' },
    written:
      '[12:00:00.000] chat 192.0.2.1:50000 -> chat-1:9000 /"\\\\x1b[2J\\x9b2J 101 client_fin 3.2 s, 5 B in, 70.0 kB out',
  },
]

for (const { what, line, written } of CASES) {
  t.test(`${what} is one line`, async (t) =>
    t.equal(compactLine(line, "12:00:00.000", plain), `${written}\n`),
  )
}

t.test("colours are the only difference on a terminal", async (t) => {
  const line = compactLine(LINE, "12:00:00.000", colourful) ?? ""
  t.match(line, "\x1b[")
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is removed
  t.equal(line.replace(/\x1b\[\d+m/g, ""), compactLine(LINE, "12:00:00.000", plain))
})

t.test("other lines, and defects of rws with their stack trace, are left to pino-pretty", async (t) => {
  t.equal(compactLine({ msg: "listening", listener: "chat" }, "", plain), undefined)
  t.equal(compactLine({ ...LINE, err: { stack: "…" } }, "", plain), undefined)
})
