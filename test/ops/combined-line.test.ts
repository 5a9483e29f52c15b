import t from "tap"
import { combinedLine } from "../../lib/ops/combined-line.js"
import type { LoggedLine } from "../../lib/ops/logged-line.js"

const LINE: LoggedLine = {
  level: 30,
  time: "2026-03-01T09:05:07.123Z",
  msg: "session ended",
  client: "192.0.2.1:50000",
  path: "/chat",
  status: 101,
  bytes_from_backend: 7,
  origin: "https://app.example",
  user_agent: "Mozilla/5.0 (X11)",
  reason: "client_fin",
}
const START = "192.0.2.1 - - [01/Mar/2026:09:05:07 +0000]"

const CASES: { what: string; line: LoggedLine; written: string }[] = [
  {
    what: "a tunnel",
    line: LINE,
    written: `${START} "GET /chat HTTP/1.1" 101 7 "https://app.example" "Mozilla/5.0 (X11)" client_fin`,
  },
  {
    what: "a refusal without a request",
    line: {
      ...LINE,
      msg: "session refused",
      path: undefined,
      origin: undefined,
      user_agent: undefined,
      bytes_from_backend: 0,
      status: 408,
      reason: "head_timeout",
    },
    written: `${START} "-" 408 - "-" "-" head_timeout`,
  },
  {
    what: "a client that left without a status",
    line: { ...LINE, status: undefined, bytes_from_backend: 0, reason: "client_aborted_in_dial" },
    written: `${START} "GET /chat HTTP/1.1" - - "https://app.example" "Mozilla/5.0 (X11)" client_aborted_in_dial`,
  },
  {
    what: "a request with another method",
    line: { ...LINE, status: 400, reason: "bad_method", bytes_from_backend: 0 },
    written: `${START} "-" 400 - "https://app.example" "Mozilla/5.0 (X11)" bad_method`,
  },
  {
    what: "quotes, backslashes, control characters and text that was cut",
    line: { ...LINE, path: '/"\\\x1b\x9b\xe4\u2026', user_agent: 'a" "b' },
    written: `${START} "GET /\\"\\\\\\x1b\\x9b\\xe4\\u2026 HTTP/1.1" 101 7 "https://app.example" "a\\" \\"b" client_fin`,
  },
]

for (const { what, line, written } of CASES) {
  t.test(`a line for ${what}`, async (t) => t.equal(combinedLine(line), `${written}\n`))
}

const CLIENTS: [client: string, host: string][] = [
  ["[2001:db8::1]:50000", "2001:db8::1"],
  ["2001:db8::1", "2001:db8::1"],
  ["192.0.2.1", "192.0.2.1"],
  ["unix", "unix"],
  ["unknown", "unknown"],
]

for (const [client, host] of CLIENTS) {
  t.test(`the client ${client} is written as ${host}`, async (t) => {
    t.equal(combinedLine({ ...LINE, client })?.split(" ")[0], host)
  })
}

t.test("lines that are not the end of a session have no such form", async (t) => {
  for (const msg of ["listening", "session opened", "dialling"])
    t.equal(combinedLine({ ...LINE, msg }), undefined)
})
