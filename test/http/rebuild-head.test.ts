import t from "tap"
import { fieldsOf, type ParsedRequest, rebuildHead } from "../../lib/http/rebuild-head.js"

const REQUEST: ParsedRequest = {
  method: "GET",
  url: "/chat?a=1",
  httpVersion: "1.1",
  rawHeaders: ["Host", "a"],
}

const CASES: { title: string; change: Partial<ParsedRequest>; head: string }[] = [
  { title: "as it was", change: {}, head: "GET /chat?a=1 HTTP/1.1\r\nHost: a\r\n\r\n" },
  {
    title: "repeated fields keep their order and case",
    change: { rawHeaders: ["hOST", "a", "X-A", "1", "Host", "b", "x-a", "2"] },
    head: "GET /chat?a=1 HTTP/1.1\r\nhOST: a\r\nX-A: 1\r\nHost: b\r\nx-a: 2\r\n\r\n",
  },
  { title: "no fields", change: { rawHeaders: [] }, head: "GET /chat?a=1 HTTP/1.1\r\n\r\n" },
  {
    title: "a name without a value is left out",
    change: { rawHeaders: ["Host"] },
    head: "GET /chat?a=1 HTTP/1.1\r\n\r\n",
  },
  {
    title: "another method and version",
    change: { method: "POST", httpVersion: "1.0" },
    head: "POST /chat?a=1 HTTP/1.0\r\nHost: a\r\n\r\n",
  },
  {
    title: "nothing known",
    change: { method: undefined, url: undefined, rawHeaders: [] },
    head: "  HTTP/1.1\r\n\r\n",
  },
  {
    title: "bytes above ASCII are kept",
    change: { rawHeaders: ["X-A", "\x80\xff"] },
    head: "GET /chat?a=1 HTTP/1.1\r\nX-A: \x80\xff\r\n\r\n",
  },
  {
    title: "a line break becomes NUL, which no head may have",
    change: { url: "/\r\n", rawHeaders: ["A\n", "1\rB"] },
    head: "GET /\0\0 HTTP/1.1\r\nA\0: 1\0B\r\n\r\n",
  },
  {
    title: "a character whose low byte is a line break becomes NUL",
    change: { url: "/\u010a\u0d0d\u{1f60a}" },
    head: "GET /\0\0\0\0 HTTP/1.1\r\nHost: a\r\n\r\n",
  },
]

for (const { title, change, head } of CASES) {
  t.test(`a head is rebuilt: ${title}`, async (t) => {
    t.equal(rebuildHead({ ...REQUEST, ...change }).toString("latin1"), head)
  })
}

t.test("the fields of a parsed request have names in lower case", async (t) => {
  t.strictSame(fieldsOf({ ...REQUEST, rawHeaders: ["Host", "a", "X-A", "B", "X-B"] }), [
    { name: "host", value: "a", line: "" },
    { name: "x-a", value: "B", line: "" },
  ])
})
