import t from "tap"
import { decode } from "../../lib/config/decode.js"

const TOML = '# é 日本 🙂\n[log]\nlevel = "info"\n'
const bytes = (...parts: (string | number[])[]) => Buffer.concat(parts.map((part) => Buffer.from(part)))
const swapped = (text: string) => Buffer.from(text, "utf16le").swap16()

const texts = [
  { title: "UTF-8", input: Buffer.from(TOML), text: TOML },
  {
    title: "UTF-8 with a byte order mark, which is left out",
    input: bytes([0xef, 0xbb, 0xbf], TOML),
    text: TOML,
  },
  {
    title: "UTF-8 with CRLF",
    input: Buffer.from(TOML.replaceAll("\n", "\r\n")),
    text: TOML.replaceAll("\n", "\r\n"),
  },
  { title: "nothing", input: Buffer.alloc(0), text: "" },
  { title: "one character", input: Buffer.from("a"), text: "a" },
]

for (const { title, input, text } of texts) {
  t.test(`a file may hold ${title}`, async (t) => {
    t.equal(decode(input), text)
  })
}

const UTF16 = [
  { path: [], message: "this is UTF-16; expected UTF-8: save the file in that encoding", line: 1 },
]
const notUtf8 = (...lines: number[]) =>
  lines.map((line) => ({
    path: [],
    message: "not UTF-8; expected UTF-8: save the file in that encoding",
    line,
  }))

const refused = [
  {
    title: "UTF-16, little endian, with its mark",
    input: Buffer.from(`\ufeff${TOML}`, "utf16le"),
    problems: UTF16,
  },
  { title: "UTF-16, big endian, with its mark", input: swapped(`\ufeff${TOML}`), problems: UTF16 },
  { title: "UTF-16, little endian, without a mark", input: Buffer.from(TOML, "utf16le"), problems: UTF16 },
  { title: "UTF-16, big endian, without a mark", input: swapped(TOML), problems: UTF16 },
  { title: "Latin-1", input: Buffer.from('[log]\nlevel = "\xe9"\n', "latin1"), problems: notUtf8(2) },
  {
    title: "bad bytes in several lines",
    input: bytes([0x80], "\na\n", [0xc3], "\nb", [0xff]),
    problems: notUtf8(1, 3, 4),
  },
  { title: "a character cut by the end", input: bytes("a\n", [0xe2, 0x82]), problems: notUtf8(2) },
  { title: "a surrogate in UTF-8", input: bytes("a", [0xed, 0xa0, 0x80]), problems: notUtf8(1) },
]

for (const { title, input, problems } of refused) {
  t.test(`a file can't hold ${title}, and each line of it is named`, async (t) => {
    t.strictSame(decode(input), problems)
  })
}
