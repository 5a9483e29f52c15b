import t from "tap"
import { FieldEdit } from "../../lib/http/field-writer.js"
import { editFields } from "../../lib/upgrade/edit-fields.js"
import { requested } from "../support/http/requested.js"

const { set, remove, append } = FieldEdit

const cases: readonly { title: string; edits: readonly FieldEdit[]; expected: Record<string, string[]> }[] = [
  { title: "without edits all stay", edits: [], expected: { "x-user": ["forged"], x_user: ["odd"] } },
  {
    title: "a field that is set replaces all of its name, and those that look like it",
    edits: [set("X-User", "ada")],
    expected: { "x-user": ["ada"], x_user: [] },
  },
  {
    title: "a field that is removed takes those that look like it along",
    edits: [remove("x-USER")],
    expected: { "x-user": [], x_user: [] },
  },
  {
    title: "the last of several edits wins",
    edits: [set("X-User", "ada"), remove("X-User"), set("X-User", "bob")],
    expected: { "x-user": ["bob"] },
  },
  {
    title: "a field that is appended comes behind those that are there",
    edits: [append("X-Role", "b"), set("X-New", "1"), append("X-New", "2")],
    expected: { "x-role": ["a", "b"], "x-new": ["1", "2"] },
  },
]

for (const { title, edits, expected } of cases) {
  t.test(title, async (t) => {
    const { fields } = requested("/", { "X-User": "forged", X_User: "odd", "X-Role": "a" })
    const edited = editFields(fields, edits)
    for (const [key, values] of Object.entries(expected)) {
      t.same(
        edited.filter(({ name }) => name === key).map(({ value }) => value),
        values,
        key,
      )
    }
    t.ok(edited.some(({ name }) => name === "sec-websocket-key"))
    for (const { name, value, line } of edited)
      t.match(line.toLowerCase(), `${name}: ${value.toLowerCase()}\r\n`)
  })
}
