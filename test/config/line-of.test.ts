import t from "tap"
import { lineFinder } from "../../lib/config/line-of.js"
import { parseConfig } from "../../lib/config/load.js"
import { rejectionOf } from "../support/project/thrown.js"

const TOML = `# 1
log.level = "info"

[[ws_proxy]]
bind = "a"
backends = [
  "b", "c",
  [ "d",
    "e" ],
]
"quoted key" = 1

[[ws_proxy]]
inline = { one = 1, list = [ 1,
  2 ] }
dotted.one.two = 1
dotted.three = 1

[ws_proxy.sub]
key = 1

[[ws_proxy.list]]
key = 1

[[ws_proxy.list]]
key = 1
[other.table]
key = 1
`

const cases: { path: (string | number)[]; line: number; because?: string }[] = [
  { path: ["log"], line: 2 },
  { path: ["log", "level"], line: 2 },
  { path: ["ws_proxy"], line: 4 },
  { path: ["ws_proxy", 0], line: 4 },
  { path: ["ws_proxy", 0, "bind"], line: 5 },
  { path: ["ws_proxy", 0, "backends"], line: 6 },
  { path: ["ws_proxy", 0, "backends", 0], line: 7 },
  { path: ["ws_proxy", 0, "backends", 1], line: 7 },
  { path: ["ws_proxy", 0, "backends", 2], line: 8 },
  { path: ["ws_proxy", 0, "backends", 2, 0], line: 8 },
  { path: ["ws_proxy", 0, "backends", 2, 1], line: 9 },
  { path: ["ws_proxy", 0, "quoted key"], line: 11 },
  { path: ["ws_proxy", 1], line: 13 },
  { path: ["ws_proxy", 1, "inline"], line: 14 },
  { path: ["ws_proxy", 1, "inline", "one"], line: 14 },
  { path: ["ws_proxy", 1, "inline", "list", 0], line: 14 },
  { path: ["ws_proxy", 1, "inline", "list", 1], line: 15 },
  { path: ["ws_proxy", 1, "dotted"], line: 16 },
  { path: ["ws_proxy", 1, "dotted", "one"], line: 16 },
  { path: ["ws_proxy", 1, "dotted", "one", "two"], line: 16 },
  { path: ["ws_proxy", 1, "dotted", "three"], line: 17 },
  { path: ["ws_proxy", 1, "sub"], line: 19 },
  { path: ["ws_proxy", 1, "sub", "key"], line: 20 },
  { path: ["ws_proxy", 1, "list", 0, "key"], line: 23 },
  { path: ["ws_proxy", 1, "list", 1], line: 25 },
  { path: ["ws_proxy", 1, "list", 1, "key"], line: 26 },
  { path: ["other"], line: 27 },
  { path: ["other", "table", "key"], line: 28 },
  { path: [], line: 1, because: "it is the whole document" },
  { path: ["missing"], line: 1, because: "the document should hold it" },
  { path: ["ws_proxy", 1, "missing"], line: 13, because: "the table should hold it" },
  {
    path: ["ws_proxy", 0, "bind", "missing"],
    line: 5,
    because: "the value that should hold it stands there",
  },
]

for (const { path, line, because } of cases) {
  const why = because === undefined ? "" : `, for ${because}`
  t.test(`the line of ${JSON.stringify(path)} is ${line}${why}`, async (t) => {
    t.equal(lineFinder(TOML)(path), line)
  })

  t.test(`the line of ${JSON.stringify(path)} is ${line} in a file with CRLF as well${why}`, async (t) => {
    t.equal(lineFinder(TOML.replaceAll("\n", "\r\n"))(path), line)
  })
}

t.test(
  "a document that only one of the two TOML parsers understands has problems without lines",
  async (t) => {
    t.equal(lineFinder('a = 1\nb = "')(["b"]), undefined)
  },
)

t.test("a very long string in the file costs the lines of its problems, not their messages", async (t) => {
  const listener = '[[ws_proxy]]\nbind = "127.0.0.1:0"\nbackends = ["a:1"]\n'
  const toml = `${listener}name = "${"x".repeat(200_000)}"\nlisten = 1\n`
  const error = await rejectionOf(() => parseConfig(toml, "rws.toml"))
  t.match(error, {
    name: "ConfigError",
    message: 'rws.toml: ws_proxy[0].listen: unknown key; did you mean "bind"?',
  })
})
