import t from "tap"
import { type HeadKind, HeadScanner } from "../../lib/http/head-scanner.js"
import { CONTROLS, hex, range, TOKEN } from "../support/http/ascii.js"
import { answerHead, upgradeHead } from "../support/http/heads.js"

interface Outcome {
  /** The head's length, or -1. */
  readonly length: number
  readonly fault: string
  /** Number of bytes received when the outcome was known. */
  readonly seen: number
}

/** Feeds the scanner growing prefixes of `text`, one per cut, until it reports an outcome. */
function scan(kind: HeadKind, text: string, cuts: readonly number[] = []): Outcome {
  const bytes = Buffer.from(text, "latin1")
  const scanner = new HeadScanner(kind)
  for (const seen of [...cuts, bytes.length]) {
    const length = scanner.scan(bytes.subarray(0, seen))
    if (length >= 0 || scanner.fault !== "") return { length, fault: scanner.fault, seen }
  }
  return { length: -1, fault: "", seen: bytes.length }
}

function eachByte(text: string): number[] {
  return Array.from(text, (_, index) => index + 1)
}

const GET = "GET /chat HTTP/1.1\r\n"
const REQUEST = upgradeHead()

interface Case {
  readonly title: string
  readonly kind?: HeadKind
  readonly text: string
  /** Length of the head if it is complete. */
  readonly length?: number
  /** The fault if it is refused. */
  readonly fault?: RegExp
  /** The byte, counted from 1, that decides the outcome. Default: the last one. */
  readonly seen?: number
}

const NOT_A_REQUEST = /does not start with an HTTP request line/
const NOT_A_RESPONSE = /does not start with an HTTP status line/

const cases: Case[] = [
  { title: "an upgrade request", text: REQUEST, length: REQUEST.length },
  { title: "an upgrade response", kind: "response", text: answerHead(), length: answerHead().length },
  { title: "a request without fields", text: `${GET}\r\n`, length: GET.length + 2 },
  { title: "a status line without a phrase", kind: "response", text: "HTTP/1.1 200\r\n\r\n", length: 16 },
  {
    title: "a status line that ends in a space",
    kind: "response",
    text: "HTTP/1.1 200 \r\n\r\n",
    length: 17,
  },
  { title: "a phrase in Latin-1", kind: "response", text: "HTTP/1.1 200 \xe9t\xe9\r\n\r\n", length: 20 },
  {
    title: "a value with tabs, spaces and high bytes",
    text: `${GET}X:\t a\x80\xff \t\r\n\r\n`,
    length: GET.length + 13,
  },

  {
    title: "frames after the head",
    text: `${REQUEST}\x81\x00\n\r\x7f`,
    length: REQUEST.length,
    seen: REQUEST.length,
  },
  { title: "a second request", text: `${REQUEST}GET / \n\n`, length: REQUEST.length, seen: REQUEST.length },
  {
    title: "an empty line after the head",
    text: `${REQUEST}\r\n`,
    length: REQUEST.length,
    seen: REQUEST.length,
  },

  { title: "nothing", text: "" },
  { title: "half a method", text: "GE" },
  { title: "a start line", text: GET },
  { title: "all but the last byte", text: REQUEST.slice(0, -1) },
  { title: "a CR whose LF may follow", text: GET.slice(0, -1) },
  { title: "the CR of a blank line whose LF may follow", text: `${GET}\r` },

  {
    title: "a bare LF after the start line",
    text: "GET / HTTP/1.1\nHost: a\r\n\r\n",
    fault: /^bare LF$/,
    seen: 15,
  },
  {
    title: "a bare LF after a field",
    text: `${GET}Host: a\nX: y\r\n\r\n`,
    fault: /^bare LF$/,
    seen: 28,
  },
  { title: "a blank line of a bare LF", text: `${GET}Host: a\r\n\n`, fault: /^bare LF$/ },
  { title: "a bare CR in a value", text: `${GET}Host: a\rb\r\n\r\n`, fault: /^bare CR$/, seen: 29 },
  {
    title: "a bare CR in the start line",
    text: "GET /\rx HTTP/1.1\r\n\r\n",
    fault: /^bare CR$/,
    seen: 7,
  },
  { title: "CR CR LF after a field", text: `${GET}Host: a\r\r\n\r\n`, fault: /^bare CR$/, seen: 29 },
  { title: "a blank line of CR CR LF", text: `${GET}\r\r\n`, fault: /^bare CR$/, seen: 22 },

  { title: "a field folded with a space", text: `${GET}X: a\r\n b\r\n\r\n`, fault: /obs-fold/, seen: 27 },
  { title: "a field folded with a tab", text: `${GET}X: a\r\n\tb\r\n\r\n`, fault: /obs-fold/, seen: 27 },
  { title: "white space before the first field", text: `${GET} X: a\r\n\r\n`, fault: /obs-fold/, seen: 21 },
  { title: "a blank line with a space in it", text: `${GET} \r\n`, fault: /obs-fold/, seen: 21 },

  { title: "a TLS hello", text: "\x16\x03\x01\x02\x00\x01\x00\x01", fault: NOT_A_REQUEST, seen: 1 },
  { title: "a PROXY protocol v2 header", text: "\r\n\r\n\0\r\nQUIT\n", fault: NOT_A_REQUEST, seen: 1 },
  { title: "an empty line before the request", text: `\r\n${REQUEST}`, fault: NOT_A_REQUEST, seen: 1 },
  { title: "a space before the request", text: ` ${REQUEST}`, fault: NOT_A_REQUEST, seen: 1 },
  { title: "an SSH banner", text: "SSH-2.0-OpenSSH_9.2\r\n", fault: NOT_A_REQUEST },
  {
    title: "a PROXY protocol v1 header",
    text: `PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n${REQUEST}`,
    fault: NOT_A_REQUEST,
    seen: 32,
  },
  { title: "an SMTP greeting", text: "EHLO example.com\r\n", fault: NOT_A_REQUEST },
  { title: "a response instead of a request", text: answerHead(), fault: NOT_A_REQUEST, seen: 34 },
  {
    title: "a request instead of a response",
    kind: "response",
    text: REQUEST,
    fault: NOT_A_RESPONSE,
    seen: 1,
  },
]

const badStartLines: { kind: HeadKind; line: string }[] = [
  { kind: "request", line: "GET  /chat HTTP/1.1" },
  { kind: "request", line: "GET /chat  HTTP/1.1" },
  { kind: "request", line: "GET /chat HTTP/1.1 " },
  { kind: "request", line: "GET\t/chat HTTP/1.1" },
  { kind: "request", line: "GET /chat\tHTTP/1.1" },
  { kind: "request", line: "GET /a b HTTP/1.1" },
  { kind: "request", line: "GET /a\tb HTTP/1.1" },
  { kind: "request", line: "GET /chat" },
  { kind: "request", line: "GET /chat " },
  { kind: "request", line: "GET HTTP/1.1" },
  { kind: "request", line: "GET" },
  { kind: "request", line: "GET /chat http/1.1" },
  { kind: "request", line: "GET /chat HTTP/1" },
  { kind: "request", line: "GET /chat HTTP/1.10" },
  { kind: "request", line: "GET /chat HTTP/11.1" },
  { kind: "request", line: "GET /chat HTTP/1.x" },
  { kind: "request", line: "GET /chat HTTP 1.1" },
  { kind: "request", line: "GET /chat XHTTP/1.1" },
  { kind: "request", line: "G(T /chat HTTP/1.1" },
  { kind: "request", line: "G\xe9T /chat HTTP/1.1" },
  { kind: "response", line: "HTTP/1.1  101 Switching Protocols" },
  { kind: "response", line: "HTTP/1.1\t101 Switching Protocols" },
  { kind: "response", line: "HTTP/1.1 101\tSwitching Protocols" },
  { kind: "response", line: "HTTP/1.1 101Switching Protocols" },
  { kind: "response", line: "HTTP/1.1 1010 Switching Protocols" },
  { kind: "response", line: "HTTP/1.1 10 Switching Protocols" },
  { kind: "response", line: "HTTP/1.1 1o1 Switching Protocols" },
  { kind: "response", line: "HTTP/1.1" },
  { kind: "response", line: "HTTP/1.1 " },
  { kind: "response", line: "HTTP/1 200 OK" },
  { kind: "response", line: "HTTP/1.10 200 OK" },
  { kind: "response", line: "HTTP 200 OK" },
  { kind: "response", line: "HELO mail.example" },
]

for (const { kind, line } of badStartLines) {
  const fault = kind === "request" ? NOT_A_REQUEST : NOT_A_RESPONSE
  const title = `the ${kind} start line ${JSON.stringify(line)}`
  cases.push({ title, kind, text: `${line}\r\nHost: a\r\n\r\n`, fault, seen: line.length + 2 })
}

const CONTROL_PLACES: readonly ((control: string) => string)[] = [
  (control) => `GET /${control}`,
  (control) => `${GET}X${control}`,
  (control) => `${GET}X: ${control}`,
]

for (const control of CONTROLS) {
  for (const place of CONTROL_PLACES) {
    const upToIt = place(control)
    const title = `the control byte ${hex(control)} after ${JSON.stringify(upToIt.slice(0, -1))}`
    cases.push({
      title,
      text: `${upToIt}: b\r\n\r\n`,
      fault: new RegExp(`control character ${hex(control)}$`),
      seen: upToIt.length,
    })
  }
}

for (const { title, kind = "request", text, length = -1, fault, seen = text.length } of cases) {
  const verb = length >= 0 ? "finds the end of" : fault === undefined ? "waits for more after" : "refuses"
  t.test(`the scanner ${verb} ${title} in any fragmentation`, async (t) => {
    const whole = scan(kind, text)
    t.equal(whole.length, length)
    if (fault === undefined) t.equal(whole.fault, "")
    else t.match(whole.fault, fault)
    t.same(
      scan(kind, text, eachByte(text)),
      { ...whole, seen },
      "one byte at a time, decided at the earliest byte",
    )
    const cutsThatMatter = eachByte(text).filter((cut) => {
      const pieces = scan(kind, text, [cut])
      return pieces.length !== whole.length || pieces.fault !== whole.fault
    })
    t.same(cutsThatMatter, [])
  })
}

t.test("a request can only start with a token character", async (t) => {
  const accepted = Array.from(range(0x00, 0xff)).filter((first) => scan("request", first).fault === "")
  t.same(accepted, Array.from(TOKEN).sort())
})

t.test("a response can only start with the H of HTTP", async (t) => {
  const accepted = Array.from(range(0x00, 0xff)).filter((first) => scan("response", first).fault === "")
  t.same(accepted, ["H"])
})

t.test("the scanner accepts every token as method; llhttp and the validation check its name", async (t) => {
  const head = `${TOKEN} /x HTTP/1.1\r\n\r\n`
  t.equal(scan("request", head).length, head.length)
})

t.test("the scanner has no size limit of its own", async (t) => {
  const head = `${GET}X: ${"x".repeat(1_000_000)}\r\n\r\n`
  t.equal(scan("request", head).length, head.length)
})

t.test(
  "the scanner never rescans bytes, so a slowly dripping head costs no more than a fast one",
  async (t) => {
    const bytes = Buffer.from(REQUEST, "latin1")
    const scanner = new HeadScanner("request")
    for (let seen = 1; seen < bytes.length; seen++) {
      scanner.scan(bytes.subarray(0, seen))
      // Overwrite everything before the last byte. (A CR is rescanned together with its LF.)
      bytes.fill(0, GET.length, Math.max(GET.length, seen - 1))
    }
    t.equal(scanner.scan(bytes), bytes.length)
    t.equal(scanner.fault, "")
  },
)

t.test("a head is judged the same whole and in two pieces", async (t) => {
  const starts = [
    "GET /chat HTTP/1.1",
    "G\tT / HTTP/1.1",
    "GET  / HTTP/1.1",
    "PRI * HTTP/2.0",
    "GET / HTTP/2.0",
  ]
  const lines = [
    "Host: a",
    " folded",
    "\tfolded",
    ":",
    "a",
    "a\tb c",
    "a\x01",
    "a\x7f",
    "a\xff",
    "a\rb",
    "a\nb",
    "\x80",
  ]
  const judge = (kind: HeadKind, pieces: readonly string[]) => {
    const scanner = new HeadScanner(kind)
    const lengths = pieces.map((_, index) =>
      scanner.scan(Buffer.from(pieces.slice(0, index + 1).join(""), "latin1")),
    )
    return { length: lengths.find((length) => length >= 0), fault: scanner.fault }
  }
  for (const start of [
    ...starts,
    "HTTP/1.1 101 Switching Protocols",
    "HTTP/1.1 200",
    "HTTP/1.1 99 a",
    "HTTP/1.0 200 ",
  ]) {
    const kind = start.startsWith("HTTP/") ? "response" : "request"
    for (const line of lines) {
      const head = `${start}\r\n${line}\r\nb: c\r\n\r\nbehind\r\n\r\n`
      t.same(judge(kind, [head]), judge(kind, [head.slice(0, 2), head.slice(2)]), JSON.stringify(head))
    }
  }
})
