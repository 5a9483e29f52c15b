import t from "tap"
import { BodyEnd } from "../../lib/http/llhttp.js"
import { seededRandom, textOf } from "../support/project/random.js"

interface Outcome {
  /** Bytes counted as body. */
  readonly length: number
  readonly complete: boolean
  readonly broken: boolean
  /** Whether the end of the connection ends the body. */
  readonly endsHere: boolean
}

/** Reads a body cut into pieces at `cuts`, up to the first fault. */
function read(head: string, body: string, cuts: readonly number[] = []): Outcome {
  const bytes = Buffer.from(body, "latin1")
  const end = new BodyEnd(Buffer.from(head, "latin1"))
  let length = 0
  let broken = false
  let from = 0
  for (const to of [...cuts, bytes.length]) {
    const taken = end.read(bytes.subarray(from, to))
    broken = taken < 0
    if (broken) break
    length += taken
    from = to
  }
  const outcome = { length, complete: end.complete, broken, endsHere: end.endsHere() }
  end.free()
  return outcome
}

/** Every way to cut a body in two, plus single bytes. */
function waysToCut(body: string): number[][] {
  const cuts = Array.from(body, (_, index) => index + 1)
  return [cuts, ...cuts.map((cut) => [cut])]
}

const answer = (fields: string, startLine = "HTTP/1.1 403 Forbidden") => `${startLine}\r\n${fields}\r\n`
const CHUNKED = answer("Transfer-Encoding: chunked\r\n")
const LENGTH_5 = answer("Content-Length: 5\r\n")

const complete: { title: string; head: string; body: string }[] = [
  { title: "a Content-Length", head: LENGTH_5, body: "hello" },
  { title: "a Content-Length of 0", head: answer("Content-Length: 0\r\n"), body: "" },
  {
    title: "a Content-Length in an HTTP/1.0 response",
    head: answer("Content-Length: 5\r\n", "HTTP/1.0 403 No"),
    body: "hello",
  },
  {
    title: "a Content-Length with Connection: close",
    head: answer("Connection: close\r\nContent-Length: 5\r\n"),
    body: "hello",
  },
  {
    title: "a Content-Length with an Upgrade field",
    head: answer(
      "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n",
      "HTTP/1.1 426 Upgrade Required",
    ),
    body: "hello",
  },
  {
    title: "a body that looks like a head",
    head: answer("Content-Length: 19\r\n"),
    body: "HTTP/1.1 200 OK\r\n\r\n",
  },
  { title: "only the last chunk", head: CHUNKED, body: "0\r\n\r\n" },
  { title: "chunks", head: CHUNKED, body: "5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n" },
  { title: "a chunk that looks like the last one", head: CHUNKED, body: "5\r\n0\r\n\r\n\r\n0\r\n\r\n" },
  {
    title: "chunk sizes in either case, with leading zeros",
    head: CHUNKED,
    body: "00A\r\n0123456789\r\n00b\r\n0123456789a\r\n000\r\n\r\n",
  },
  { title: "chunk extensions", head: CHUNKED, body: '5;a;b=c;d="e;f"\r\nhello\r\n0;last\r\n\r\n' },
  { title: "trailers", head: CHUNKED, body: "5\r\nhello\r\n0\r\nExpires: never\r\nX-Empty:\r\n\r\n" },
  {
    title: "a coding below chunked",
    head: answer("Transfer-Encoding: gzip, chunked\r\n"),
    body: "2\r\n\x1f\x8b\r\n0\r\n\r\n",
  },
  { title: "status 204", head: answer("", "HTTP/1.1 204 No Content"), body: "" },
  {
    title: "status 304 with Content-Length",
    head: answer("Content-Length: 5\r\n", "HTTP/1.1 304 Not Modified"),
    body: "",
  },
  {
    title: "status 304 with Transfer-Encoding",
    head: answer("Transfer-Encoding: chunked\r\n", "HTTP/1.1 304 Not Modified"),
    body: "",
  },
]

for (const { title, head, body } of complete) {
  t.test(`a body framed by ${title} ends at its last byte in any fragmentation`, async (t) => {
    const whole = { length: body.length, complete: true, broken: false, endsHere: true }
    t.same(read(head, body), whole)
    t.same(
      waysToCut(body).filter((cuts) => !same(read(head, body, cuts), whole)),
      [],
    )
  })

  t.test(`bytes after a body framed by ${title} are not part of it`, async (t) => {
    const expected = { length: body.length, complete: true, broken: false, endsHere: true }
    for (const more of ["\r\n", "0\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "\x00\x16"]) {
      t.same(read(head, body + more), expected)
      t.same(
        waysToCut(body + more).filter((cuts) => !same(read(head, body + more, cuts), expected)),
        [],
      )
    }
  })

  if (body === "") continue
  t.test(`a truncated body framed by ${title} has not ended`, async (t) => {
    for (let length = 0; length < body.length; length++) {
      const cut = { length, complete: false, broken: false, endsHere: false }
      t.same(read(head, body.slice(0, length)), cut, `after ${length} bytes`)
    }
  })
}

const untilClose: { title: string; head: string }[] = [
  { title: "without framing", head: answer("") },
  { title: "in HTTP/1.0", head: answer("", "HTTP/1.0 403 Forbidden") },
  {
    title: "with a Transfer-Encoding that does not end in chunked",
    head: answer("Transfer-Encoding: gzip\r\n"),
  },
  {
    title: "with an Upgrade field",
    head: answer("Connection: Upgrade\r\nUpgrade: websocket\r\n", "HTTP/1.1 426 Upgrade Required"),
  },
]

for (const { title, head } of untilClose) {
  for (const body of ["", "5\r\nhello\r\n0\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n\0"]) {
    t.test(`the body ${JSON.stringify(body)} of a response ${title} ends with the connection`, async (t) => {
      const whole = { length: body.length, complete: false, broken: false, endsHere: true }
      t.same(read(head, body), whole)
      t.same(
        waysToCut(body).filter((cuts) => !same(read(head, body, cuts), whole)),
        [],
      )
    })
  }
}

const broken: { title: string; body: string }[] = [
  { title: "a size that is not a number", body: "g\r\n" },
  { title: "a size with a sign", body: "+5\r\nhello\r\n" },
  { title: "a negative size", body: "-5\r\nhello\r\n" },
  { title: "a size with 0x", body: "0x5\r\nhello\r\n" },
  { title: "a size with a space before it", body: " 5\r\nhello\r\n" },
  { title: "a size with a space after it", body: "5 \r\nhello\r\n" },
  { title: "a size beyond 64 bits", body: "fffffffffffffffff\r\n" },
  { title: "an empty size line", body: "\r\nhello\r\n" },
  { title: "a size line that ends in a bare LF", body: "5\nhello\r\n" },
  { title: "a size line that ends in a bare CR", body: "5\rhello\r\n" },
  { title: "a chunk longer than its size", body: "5\r\nhello!\r\n" },
  { title: "a chunk that ends in a bare LF", body: "5\r\nhello\n0\r\n\r\n" },
  { title: "a chunk without CRLF", body: "5\r\nhello0\r\n\r\n" },
  { title: "a second size after a comma", body: "5,5\r\nhello\r\n" },
  { title: "a control byte in an extension", body: "5;a=\x01\r\nhello\r\n" },
  { title: "a bare LF in an extension", body: "5;a\nhello\r\n" },
  { title: "a trailer without a colon", body: "0\r\nExpires\r\n\r\n" },
  { title: "a trailer with a space before its colon", body: "0\r\nExpires : never\r\n\r\n" },
  { title: "a trailer that ends in a bare LF", body: "0\r\nExpires: never\n\r\n" },
]

for (const { title, body } of broken) {
  t.test(`a chunked body with ${title} is invalid in any fragmentation and has no end`, async (t) => {
    const text = `3\r\nabc\r\n${body}`
    for (const cuts of [[], ...waysToCut(text)]) {
      const { length: _, ...outcome } = read(CHUNKED, text, cuts)
      if (!t.same(outcome, { complete: false, broken: true, endsHere: false }, `cut after ${cuts.join()}`))
        break
    }
  })
}

const random = seededRandom(2)
/** llhttp gets at most 64 KiB per call. */
const PIECE = 64 * 1024

for (const length of [PIECE - 1, PIECE, PIECE + 1, 2 * PIECE - 1, 2 * PIECE, 2 * PIECE + 1, 1_000_003]) {
  const data = textOf(random, "0123456789abcdef\r\n", length, length)
  const size = length.toString(16)

  t.test(`a body of ${length} bytes in one read ends at its last byte`, async (t) => {
    const whole = { length, complete: true, broken: false, endsHere: true }
    const head = answer(`Content-Length: ${length}\r\n`)
    t.same(read(head, data), whole)
    t.same(read(head, `${data}HTTP/1.1 200 OK\r\n\r\n`), whole)
    t.same(read(head, data.slice(0, -1)), {
      length: length - 1,
      complete: false,
      broken: false,
      endsHere: false,
    })
  })

  t.test(`a chunk of ${length} bytes in one read ends at its last byte`, async (t) => {
    const body = `${size}\r\n${data}\r\n0\r\n\r\n`
    const whole = { length: body.length, complete: true, broken: false, endsHere: true }
    t.same(read(CHUNKED, body), whole)
    t.same(read(CHUNKED, `${body}HTTP/1.1 200 OK\r\n\r\n`), whole)
    t.match(read(CHUNKED, `${size}\r\n${data}!\r\n0\r\n\r\n`), { complete: false, broken: true })
  })

  t.test(`${length} bytes in one read all belong to a body that ends with the connection`, async (t) => {
    t.same(read(answer(""), data), { length, complete: false, broken: false, endsHere: true })
  })
}

t.test("a Content-Length beyond 4 GiB is counted in full", async (t) => {
  const head = answer(`Content-Length: ${2 ** 32 + 5}\r\n`)
  t.same(read(head, "hello"), { length: 5, complete: false, broken: false, endsHere: false })
})

function same(one: Outcome, other: Outcome): boolean {
  return (
    one.length === other.length &&
    one.complete === other.complete &&
    one.broken === other.broken &&
    one.endsHere === other.endsHere
  )
}
