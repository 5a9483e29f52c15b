import t from "tap"
import { CLOSE_REASONS, type CloseReason } from "../../lib/close-reason.js"
import { parseResponseHead, valuesOf } from "../../lib/http/head.js"
import { HeadScanner } from "../../lib/http/head-scanner.js"
import { BodyEnd } from "../../lib/http/llhttp.js"
import { writeRefusal } from "../../lib/http/refusal.js"
import { CONTROLS, range } from "../support/http/ascii.js"

const NOW = new Date(Date.UTC(2024, 1, 29, 7, 8, 9))
const STATUS_LINES: Readonly<Record<number, string>> = {
  400: "HTTP/1.1 400 Bad Request",
  401: "HTTP/1.1 401 Unauthorized",
  403: "HTTP/1.1 403 Forbidden",
  404: "HTTP/1.1 404 Not Found",
  408: "HTTP/1.1 408 Request Timeout",
  426: "HTTP/1.1 426 Upgrade Required",
  429: "HTTP/1.1 429 Too Many Requests",
  431: "HTTP/1.1 431 Request Header Fields Too Large",
  500: "HTTP/1.1 500 Internal Server Error",
  502: "HTTP/1.1 502 Bad Gateway",
  503: "HTTP/1.1 503 Service Unavailable",
  504: "HTTP/1.1 504 Gateway Timeout",
}

const answered = Object.entries(CLOSE_REASONS).flatMap(([code, { status, text }]) =>
  status === undefined ? [] : [{ reason: code as CloseReason, status, text }],
)

/** Reads a refusal the way rws reads the answer of any server: with its strict reader. */
function read(refusal: string) {
  const bytes = Buffer.from(refusal, "latin1")
  const end = new HeadScanner("response").scan(bytes)
  const head = bytes.subarray(0, end)
  const body = new BodyEnd(head)
  const length = body.read(bytes.subarray(end))
  const whole = body.complete && length === bytes.length - end
  body.free()
  return {
    ...parseResponseHead(head),
    startLine: refusal.slice(0, refusal.indexOf("\r\n")),
    body: refusal.slice(end),
    whole,
  }
}

for (const { reason, status, text } of answered) {
  t.test(`the refusal for ${reason} is one complete answer with status ${status} that closes`, async (t) => {
    const { startLine, fields, body, whole } = read(writeRefusal(reason, status, text, NOW))
    t.equal(startLine, STATUS_LINES[status])
    t.equal(body, `${text}\n`)
    t.ok(whole, "its Content-Length is that of its body")
    t.same(valuesOf(fields, "connection"), status === 426 ? ["Upgrade", "close"] : ["close"])
    t.same(valuesOf(fields, "content-type"), ["text/plain; charset=utf-8"])
    t.same(valuesOf(fields, "content-length"), [String(text.length + 1)])
    t.same(valuesOf(fields, "date"), ["Thu, 29 Feb 2024 07:08:09 GMT"])
  })
}

t.test("only the refusal of a WebSocket version names the supported one", async (t) => {
  for (const { reason, status, text } of answered) {
    const { fields } = read(writeRefusal(reason, status, text, NOW))
    const expected = reason === "bad_ws_version"
    t.same(valuesOf(fields, "sec-websocket-version"), expected ? ["13"] : [], reason)
    t.same(valuesOf(fields, "upgrade"), expected ? ["websocket"] : [], reason)
  }
})

t.test("every 503 and 429 says when to try again, in seconds, and nothing else does", async (t) => {
  for (const { reason, status, text } of answered) {
    const { fields } = read(writeRefusal(reason, status, text, NOW))
    const isForNow = status === 503 || status === 429
    t.match(valuesOf(fields, "retry-after"), isForNow ? [/^[1-9]\d*$/] : [], reason)
    t.equal(valuesOf(fields, "retry-after").length, isForNow ? 1 : 0, reason)
  }
})

t.test("the text of a refusal is one line of ASCII, whatever a detail holds", async (t) => {
  for (const odd of `${CONTROLS}\r\n\t${range(0x80, 0xff)}\u2028\u{1f600}`) {
    const { body, whole } = read(writeRefusal("bad_request", 400, `a${odd}b\r\n\r\nHTTP/1.1 200 OK`, NOW))
    t.match(body, /^a\?+b\?{4}HTTP\/1\.1 200 OK\n$/)
    t.ok(whole)
  }
})

t.test("every refusal has the date of its own second, in whatever order they come", async (t) => {
  for (const ms of [0, 999, 1000, 500, 86_400_000, 1999]) {
    const now = new Date(NOW.getTime() + ms)
    const { fields } = read(writeRefusal("bad_request", 400, "no", now))
    t.same(valuesOf(fields, "date"), [now.toUTCString()])
  }
})
