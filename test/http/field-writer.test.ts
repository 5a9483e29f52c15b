import t from "tap"
import { SessionEnd } from "../../lib/close-reason.js"
import { FieldEdit, writeHead } from "../../lib/http/field-writer.js"
import { thrownBy } from "../support/project/thrown.js"

const FIELDS = ["A: 1", "B: 2", "a: 3"].map((text) => {
  const [name = "", value = ""] = text.split(": ")
  return { name: name.toLowerCase(), value, line: `${text}\r\n` }
})

const set = FieldEdit.set
const remove = FieldEdit.remove
const append = FieldEdit.append

const cases: { title: string; edits: FieldEdit[]; lines: string[] }[] = [
  { title: "no edits keep every field", edits: [], lines: ["A: 1", "B: 2", "a: 3"] },
  { title: "set replaces all fields of its name", edits: [set("a", "x")], lines: ["a: x", "B: 2"] },
  { title: "set adds a missing field", edits: [set("C", "")], lines: ["A: 1", "B: 2", "a: 3", "C: "] },
  { title: "remove drops all fields of its name", edits: [remove("A"), remove("C")], lines: ["B: 2"] },
  {
    title: "append keeps other fields",
    edits: [append("A", "x")],
    lines: ["A: 1", "B: 2", "a: 3", "A: x"],
  },
  {
    title: "append adds after a line that was set",
    edits: [set("A", "x"), append("a", "y"), append("A", "z")],
    lines: ["A: x", "a: y", "A: z", "B: 2"],
  },
  {
    title: "append adds at the end if the name was removed",
    edits: [remove("A"), append("A", "x")],
    lines: ["B: 2", "A: x"],
  },
  {
    title: "the last set or remove wins",
    edits: [set("A", "x"), remove("B"), remove("a"), set("b", "y")],
    lines: ["b: y"],
  },
  {
    title: "set after append replaces what an earlier set has written",
    edits: [set("A", "x"), append("A", "y"), set("A", "z")],
    lines: ["A: z", "B: 2"],
  },
]

for (const { title, edits, lines } of cases) {
  t.test(title, async (t) => {
    t.equal(
      writeHead("GET / HTTP/1.1", FIELDS, edits),
      `${["GET / HTTP/1.1", ...lines].join("\r\n")}\r\n\r\n`,
    )
  })
}

for (const odd of ["\r", "\n", "\0", "\r\nX: y", "\u010a", "\u010d", "\u0100", "\u{1f600}"]) {
  t.test(`no part of a head can contain ${JSON.stringify(odd)}`, async (t) => {
    const writers = [
      () => set(`A${odd}`, ""),
      () => set("A", `x${odd}`),
      () => append("A", `${odd}x`),
      () => append(`${odd}A`, "x"),
      () => writeHead(`GET /${odd} HTTP/1.1`, FIELDS, []),
    ]
    for (const write of writers) {
      const error = thrownBy(write)
      t.type(error, SessionEnd)
      t.match(error, { reason: "internal_error" })
    }
  })
}

t.test("fields that are dropped can be set, in their place", async (t) => {
  const isDropped = (name: string) => name === "a"
  t.equal(writeHead("GET / HTTP/1.1", FIELDS, [], isDropped), "GET / HTTP/1.1\r\nB: 2\r\n\r\n")
  const edits = [set("A", "x")]
  t.equal(writeHead("GET / HTTP/1.1", FIELDS, edits, isDropped), "GET / HTTP/1.1\r\nA: x\r\nB: 2\r\n\r\n")
})
