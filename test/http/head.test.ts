import t from "tap"
import {
  type Field,
  HeadSyntaxError,
  listOf,
  parseRequestHead,
  parseResponseHead,
  valuesOf,
} from "../../lib/http/head.js"
import { type HeadKind, HeadScanner } from "../../lib/http/head-scanner.js"
import { FIELD_VCHAR, hex, range, TOKEN } from "../support/http/ascii.js"
import { answerHead, upgradeHead } from "../support/http/heads.js"
import { between, oneOf, type Random, seededRandom, textOf } from "../support/project/random.js"
import { thrownBy } from "../support/project/thrown.js"

const bytesOf = (text: string) => Buffer.from(text, "latin1")
const requestOf = (lines: string) => parseRequestHead(bytesOf(`GET / HTTP/1.1\r\n${lines}\r\n`))
const answerOf = (lines: string) => parseResponseHead(bytesOf(`HTTP/1.1 200 OK\r\n${lines}\r\n`))

t.test("a request head is parsed into its three parts and its fields", async (t) => {
  const text = "GET /a?b=c%20d HTTP/1.1\r\nHost: a\r\nX-Y:z\r\n\r\n"
  t.same(parseRequestHead(bytesOf(text)), {
    text,
    method: "GET",
    target: "/a?b=c%20d",
    version: "HTTP/1.1",
    fields: [
      { name: "host", value: "a", line: "Host: a\r\n" },
      { name: "x-y", value: "z", line: "X-Y:z\r\n" },
    ],
  })
})

const phrases = ["Switching Protocols", "", "\xe9t\xe9", " two  blanks ", "1", "a\tb"]
for (const phrase of phrases) {
  t.test(`a response's phrase may be ${JSON.stringify(phrase)}`, async (t) => {
    const text = `HTTP/1.1 101 ${phrase}\r\nServer: x\r\n\r\n`
    const fields = [{ name: "server", value: "x", line: "Server: x\r\n" }]
    t.same(parseResponseHead(bytesOf(text)), { text, version: "HTTP/1.1", status: 101, phrase, fields })
  })
}

t.test("a response's phrase may be missing together with its space", async (t) => {
  t.match(parseResponseHead(bytesOf("HTTP/1.1 200\r\n\r\n")), { status: 200, phrase: "" })
})

const fieldCases: { title: string; line: string; name: string; value: string }[] = [
  {
    title: "colons in the value",
    line: "Origin: https://a.example:8443/x:y",
    name: "origin",
    value: "https://a.example:8443/x:y",
  },
  { title: "a value that starts with a colon", line: "X::y", name: "x", value: ":y" },
  { title: "no value", line: "X:", name: "x", value: "" },
  { title: "a value of white space only", line: "X: \t  ", name: "x", value: "" },
  { title: "no space after the colon", line: "X:y", name: "x", value: "y" },
  { title: "tabs around the value", line: "X:\t\ty\t", name: "x", value: "y" },
  { title: "white space inside the value", line: "X:  a \t b  ", name: "x", value: "a \t b" },
  {
    title: "a value that starts and ends with 0xA0, which is not white space in HTTP",
    line: "X: \xa0y\xa0 ",
    name: "x",
    value: "\xa0y\xa0",
  },
  {
    title: "every byte that a value may contain",
    line: `X: ${FIELD_VCHAR} \t${FIELD_VCHAR}`,
    name: "x",
    value: `${FIELD_VCHAR} \t${FIELD_VCHAR}`,
  },
  { title: "every byte that a name may contain", line: `${TOKEN}: y`, name: TOKEN.toLowerCase(), value: "y" },
  { title: "a name in mixed case", line: "sEC-wEBsOCKET-kEY: AbC", name: "sec-websocket-key", value: "AbC" },
  { title: "the name constructor", line: "constructor: x", name: "constructor", value: "x" },
  { title: "the name __proto__", line: "__proto__: x", name: "__proto__", value: "x" },
  { title: "the name toString", line: "toString: x", name: "tostring", value: "x" },
  { title: "a value of 8 KiB of white space", line: `X:${" ".repeat(8192)}`, name: "x", value: "" },
  {
    title: "8 KiB of white space inside a value",
    line: `X: a${" \t".repeat(4096)}b`,
    name: "x",
    value: `a${" \t".repeat(4096)}b`,
  },
]

for (const { title, line, name, value } of fieldCases) {
  for (const [kind, parse] of [
    ["request", requestOf],
    ["answer", answerOf],
  ] as const) {
    t.test(`a field of a ${kind} may have ${title}`, async (t) => {
      const { fields } = parse(`Before: 1\r\n${line}\r\nAfter: 2\r\n`)
      t.same(fields, [
        { name: "before", value: "1", line: "Before: 1\r\n" },
        { name, value, line: `${line}\r\n` },
        { name: "after", value: "2", line: "After: 2\r\n" },
      ])
    })
  }
}

t.test("fields of the same name stay separate and in order", async (t) => {
  const { fields } = requestOf("X: 1\r\ny: a\r\nx: 2\r\nX: 1\r\n")
  t.same(
    fields.map(({ line }) => line),
    ["X: 1\r\n", "y: a\r\n", "x: 2\r\n", "X: 1\r\n"],
  )
  t.same(valuesOf(fields, "x"), ["1", "2", "1"])
  t.same(valuesOf(fields, "y"), ["a"])
  t.same(valuesOf(fields, "z"), [])
})

t.test("names of JavaScript object members are ordinary field names", async (t) => {
  const { fields } = requestOf("constructor: 1\r\n__proto__: 2\r\n")
  t.same(valuesOf(fields, "constructor"), ["1"])
  t.same(valuesOf(fields, "__proto__"), ["2"])
  t.same(valuesOf(fields, "hasownproperty"), [])
})

const lists: { values: string[]; members: string[] }[] = [
  { values: [], members: [] },
  { values: [""], members: [] },
  { values: ["a"], members: ["a"] },
  { values: ["keep-alive, Upgrade"], members: ["keep-alive", "upgrade"] },
  { values: ["a,B\t , \tc"], members: ["a", "b", "c"] },
  { values: ["a", "b, c"], members: ["a", "b", "c"] },
  { values: [", ,a,,b,", ","], members: ["a", "b"] },
  { values: ["a a"], members: ["a a"] },
  { values: ["\xa0a"], members: ["\xa0a"] },
  { values: ["a;q=1"], members: ["a;q=1"] },
  { values: ["a, a"], members: ["a", "a"] },
]

for (const { values, members } of lists) {
  t.test(`the members of the list ${JSON.stringify(values)} are ${JSON.stringify(members)}`, async (t) => {
    const lines = values.map((value) => `Other: o\r\nX: ${value}\r\n`).join("")
    t.same(listOf(requestOf(lines).fields, "x"), members)
  })
}

const badFields = [
  "Host : a",
  "Host\t: a",
  ": a",
  " : a",
  "Host",
  "Ho st: a",
  "H(st: a",
  "H\xe9st: a",
  "Content-Length: 1\r\nContent-Length: 1",
  "Content-Length: 1\r\nContent-Length: 2",
  "Content-Length: 1, 1",
  "Content-Length:",
  "Content-Length: x",
  "Content-Length: +1",
  "Content-Length: -1",
  "Content-Length: 0x1",
  "Content-Length: 1.0",
  "Content-Length: 99999999999999999999",
  "Content-Length: 1\r\nTransfer-Encoding: chunked",
  "Transfer-Encoding: chunked\r\nContent-Length: 1",
]

for (const lines of badFields) {
  t.test(`a head with ${JSON.stringify(lines)} is refused`, async (t) => {
    for (const parse of [requestOf, answerOf]) {
      t.type(
        thrownBy(() => parse(`${lines}\r\n`)),
        HeadSyntaxError,
      )
      t.type(
        thrownBy(() => parse(`X: y\r\n${lines}\r\nZ:\r\n`)),
        HeadSyntaxError,
      )
    }
  })
}

type Refuser = "scan" | "llhttp"

const badHeads: { kind: HeadKind; startLine: string; by: Refuser }[] = [
  { kind: "request", startLine: "GET  / HTTP/1.1", by: "scan" },
  { kind: "request", startLine: " GET / HTTP/1.1", by: "scan" },
  { kind: "request", startLine: "GET / RTSP/1.0", by: "scan" },
  { kind: "request", startLine: "PRI * HTTP/2.0", by: "scan" },
  { kind: "request", startLine: "get / HTTP/1.1", by: "llhttp" },
  { kind: "request", startLine: "Get / HTTP/1.1", by: "llhttp" },
  { kind: "request", startLine: "GETS / HTTP/1.1", by: "llhttp" },
  { kind: "request", startLine: "GE / HTTP/1.1", by: "llhttp" },
  { kind: "request", startLine: "BREW / HTTP/1.1", by: "llhttp" },
  { kind: "request", startLine: "PRI / HTTP/1.1", by: "llhttp" },
  { kind: "request", startLine: "GET / HTTP/1.2", by: "llhttp" },
  { kind: "request", startLine: "GET / HTTP/3.0", by: "llhttp" },
  { kind: "request", startLine: "GET chat HTTP/1.1", by: "llhttp" },
  { kind: "request", startLine: "GET ?chat HTTP/1.1", by: "llhttp" },
  { kind: "request", startLine: "GET #chat HTTP/1.1", by: "llhttp" },
  { kind: "request", startLine: "GET \\chat HTTP/1.1", by: "llhttp" },
  { kind: "request", startLine: "GET /\xe9 HTTP/1.1", by: "llhttp" },
  { kind: "request", startLine: "GET /\x80 HTTP/1.1", by: "llhttp" },
  { kind: "response", startLine: "HTTP/1.1  200 OK", by: "scan" },
  { kind: "response", startLine: "http/1.1 200 OK", by: "scan" },
  { kind: "response", startLine: "HTTP/1.1 20 OK", by: "scan" },
  { kind: "response", startLine: "HTTP/1.1 2000 OK", by: "scan" },
  { kind: "response", startLine: "ICY 200 OK", by: "scan" },
  { kind: "response", startLine: "HTTP/1.9 200 OK", by: "scan" },
  { kind: "response", startLine: "HTTP/3.0 200 OK", by: "scan" },
]

for (const { kind, startLine, by } of badHeads) {
  t.test(`a head with the start line ${JSON.stringify(startLine)} is refused by ${by}`, async (t) => {
    const head = bytesOf(`${startLine}\r\nHost: a\r\n\r\n`)
    t.equal(new HeadScanner(kind).scan(head), by === "scan" ? -1 : head.length)
    if (by === "scan") return
    const parse = kind === "request" ? parseRequestHead : parseResponseHead
    t.type(
      thrownBy(() => parse(head)),
      HeadSyntaxError,
    )
  })
}

for (const [kind, parse, head] of [
  ["a request", parseRequestHead, upgradeHead()],
  ["a request without fields", parseRequestHead, "GET / HTTP/1.1\r\n\r\n"],
  ["an answer", parseResponseHead, answerHead()],
  ["an answer without fields", parseResponseHead, "HTTP/1.1 101 Switching Protocols\r\n\r\n"],
] as const) {
  t.test(`llhttp and the scanner must find the end of ${kind} at the same byte`, async (t) => {
    t.doesNotThrow(() => parse(bytesOf(head)))
    for (const more of ["\0", "\r\n", "GET / HTTP/1.1\r\n\r\n"]) {
      t.type(
        thrownBy(() => parse(bytesOf(head + more))),
        HeadSyntaxError,
        JSON.stringify(more),
      )
    }
    for (let length = 0; length < head.length; length++) {
      t.type(
        thrownBy(() => parse(bytesOf(head.slice(0, length)))),
        HeadSyntaxError,
        `${length} bytes`,
      )
    }
  })
}

t.test("llhttp rejects fields that the scanner refuses", async (t) => {
  const upToFields = "GET / HTTP/1.1\r\nHost: a"
  for (const end of ["\n\r\n", "\r\n b\r\n\r\n", "\r\n\n", "\0\r\n\r\n", "\x7f\r\n\r\n", "\rX: y\r\n\r\n"]) {
    t.type(
      thrownBy(() => parseRequestHead(bytesOf(upToFields + end))),
      HeadSyntaxError,
      JSON.stringify(end),
    )
  }
})

/** An unambiguous field line (RFC 9112 §5). */
const FIELD_LINE = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*\r\n$/

t.test("random valid heads are preserved byte for byte", async (t) => {
  const random = seededRandom(9112)
  for (let round = 0; round < 5000; round++) {
    const made = Array.from({ length: between(random, 0, 20) }, () => randomField(random))
    const startLine = `GET /${textOf(random, TOKEN, 0, 30)} HTTP/1.1`
    const text = `${startLine}\r\n${made.map(({ line }) => line).join("")}\r\n`
    const bytes = bytesOf(text)
    const end = new HeadScanner("request").scan(bytes)
    const { method, target, version, fields } = parseRequestHead(bytes)
    const given = `${method} ${target} ${version}\r\n${fields.map(({ line }) => line).join("")}\r\n`
    if (end === bytes.length && given === text && sameFields(fields, made)) continue
    t.fail(`round ${round} differs`, { text, given, fields, made })
    return
  }
  t.pass("every one")
})

t.test("random broken heads are accepted only if they are unambiguous", async (t) => {
  const random = seededRandom(9110)
  const breakers: [string, ...string[]] = [
    "\r",
    "\n",
    "\r\n",
    "\0",
    ":",
    " ",
    "\t",
    "\r\n ",
    "\x7f",
    "\xa0",
    "\r\n\r\n",
    ",",
  ]
  const counts = { accepted: 0, scanRefused: 0, parserRefused: 0, incomplete: 0 }
  for (let round = 0; round < 100_000; round++) {
    const kind: HeadKind = oneOf(random, ["request", "response"])
    let text = kind === "request" ? upgradeHead() : answerHead()
    for (let changes = between(random, 1, 3); changes > 0; changes--) {
      const at = between(random, 0, text.length)
      const insert = random() < 0.5 ? oneOf(random, breakers) : textOf(random, ANY_BYTE, 0, 2)
      text = text.slice(0, at) + insert + text.slice(at + between(random, 0, 2))
    }
    const scanner = new HeadScanner(kind)
    const end = scanner.scan(bytesOf(text))
    if (end < 0) {
      if (scanner.fault === "") counts.incomplete++
      else counts.scanRefused++
      continue
    }
    const head = text.slice(0, end)
    const parsed = tryToParse(kind, head)
    if (parsed === undefined) {
      counts.parserRefused++
      continue
    }
    counts.accepted++
    const startLine = head.slice(0, head.indexOf("\r\n") + 2)
    const lines = parsed.map(({ line }) => line)
    if (`${startLine}${lines.join("")}\r\n` === head && lines.every((line) => FIELD_LINE.test(line))) continue
    t.fail(`round ${round} was accepted`, { head, parsed })
    break
  }
  for (const [outcome, count] of Object.entries(counts)) t.ok(count > 100, `${outcome}: ${count}`)
})

const ANY_BYTE = range(0x00, 0xff)

function tryToParse(kind: HeadKind, head: string): readonly Field[] | undefined {
  try {
    return (kind === "request" ? parseRequestHead : parseResponseHead)(bytesOf(head)).fields
  } catch (error) {
    if (error instanceof HeadSyntaxError) return undefined
    throw error
  }
}

function randomField(random: Random): Field {
  const blank = () => textOf(random, " \t", 0, 3)
  const inside = textOf(random, `${FIELD_VCHAR} \t:,`, 0, 60)
  const ends = () => textOf(random, FIELD_VCHAR, 1, 1)
  const name = textOf(random, TOKEN, 1, 12)
  const value = oneOf(random, ["", ends(), ends() + inside + ends()])
  return { name: name.toLowerCase(), value, line: `${name}:${blank()}${value}${blank()}\r\n` }
}

function sameFields(some: readonly Field[], others: readonly Field[]): boolean {
  return (
    some.length === others.length &&
    some.every(({ name, value, line }, index) => {
      const other = others[index]
      return name === other?.name && value === other.value && line === other.line
    })
  )
}

t.test("the byte classes in these tests are those of the RFCs", async (t) => {
  t.equal(TOKEN.length, 15 + 10 + 52, "RFC 9110 §5.6.2")
  t.equal(FIELD_VCHAR.length, 94 + 128, "RFC 9110 §5.5")
  t.equal(hex("\n"), "0x0a")
})
