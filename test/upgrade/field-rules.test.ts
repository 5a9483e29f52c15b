import t, { type Test } from "tap"
import { SettingError } from "../../lib/settings/setting-error.js"
import { type FieldRules, toFieldEdits } from "../../lib/upgrade/field-rules.js"
import { range, TOKEN } from "../support/http/ascii.js"
import { thrownBy } from "../support/project/thrown.js"

const valid: { title: string; rules: FieldRules; edits: [action: string, name: string, value: string][] }[] =
  [
    { title: "no rules change nothing", rules: {}, edits: [] },
    { title: "empty rules change nothing", rules: { set: {}, remove: [] }, edits: [] },
    {
      title: "a field is set with its name as written",
      rules: { set: { "X-Proxy": "rws" } },
      edits: [["set", "X-Proxy", "rws"]],
    },
    { title: "a field is removed", rules: { remove: ["X-Debug"] }, edits: [["remove", "X-Debug", ""]] },
    {
      title: "a field that is removed twice is removed",
      rules: { remove: ["X-A", "x-a"] },
      edits: [["remove", "x-a", ""]],
    },
    {
      title: "several are set and removed",
      rules: { set: { A: "1", b: "" }, remove: ["C", "Set-Cookie"] },
      edits: [
        ["set", "A", "1"],
        ["set", "b", ""],
        ["remove", "C", ""],
        ["remove", "Set-Cookie", ""],
      ],
    },
    {
      title: "a value may contain spaces, tabs and high bytes",
      rules: { set: { A: "x y\tz \xe9\xff" } },
      edits: [["set", "A", "x y\tz \xe9\xff"]],
    },
    {
      title: "X-Forwarded fields may be set",
      rules: { set: { "X-Forwarded-Proto": "https" } },
      edits: [["set", "X-Forwarded-Proto", "https"]],
    },
    {
      title: "names of JavaScript object members are ordinary field names",
      rules: { set: { constructor: "1" }, remove: ["__proto__"] },
      edits: [
        ["set", "constructor", "1"],
        ["remove", "__proto__", ""],
      ],
    },
  ]

for (const { title, rules, edits } of valid) {
  t.test(title, async (t) => {
    const found = toFieldEdits(rules).map(({ action, name, value }) => [action, name, value])
    t.same(found, edits)
  })
}

function refusal(t: Test, rules: FieldRules, message: RegExp): void {
  const error = thrownBy(() => toFieldEdits(rules))
  t.type(error, SettingError)
  t.match(error, { message })
}

for (const name of [
  "Host",
  "connection",
  "UPGRADE",
  "Keep-Alive",
  "Proxy-Connection",
  "TE",
  "Transfer-Encoding",
  "Content-Length",
  "Sec-WebSocket-Key",
  "sec-websocket-accept",
  "Sec-WebSocket-Version",
  "Sec-WebSocket-Protocol",
  "Sec-WebSocket-Extensions",
  "Sec-WebSocket-Anything",
]) {
  t.test(`${name} can be neither set nor removed`, async (t) => {
    refusal(t, { set: { [name]: "x" } }, new RegExp(`^"${name}" can't be changed`))
    refusal(t, { remove: [name] }, new RegExp(`^"${name}" can't be changed`))
  })
}

for (const name of ["", " ", "X A", "X:", "X\r\nY", "X\0", "\xe9", "(x)", "x,y", "\u{1f600}"]) {
  t.test(`${JSON.stringify(name)} is not a field name`, async (t) => {
    refusal(t, { set: { [name]: "x" } }, /is not a field name: expected/)
    refusal(t, { remove: [name] }, /is not a field name: expected/)
  })
}

t.test("a field name accepts token characters only", async (t) => {
  const allowed = Array.from(range(0x00, 0xff)).filter(
    (character) => thrownBy(() => toFieldEdits({ remove: [`a${character}b`] })) === undefined,
  )
  t.same(allowed, Array.from(TOKEN).toSorted())
})

t.test("a value accepts no control characters", async (t) => {
  const allowed = Array.from(range(0x00, 0x100)).filter(
    (character) => thrownBy(() => toFieldEdits({ set: { A: `a${character}b` } })) === undefined,
  )
  t.same(allowed, Array.from(`\t${range(0x20, 0x7e)}${range(0xa0, 0xff)}`))
})

for (const value of ["a\r\nX: y", "a\n", "\ra", "a\0", "\u{20ac}", "\x7f", "\x85"]) {
  t.test(`the value ${JSON.stringify(value)} is refused, and the error names the field`, async (t) => {
    refusal(
      t,
      { set: { "X-A": value } },
      /^the value of "X-A" contains a control character or one beyond Latin-1/,
    )
  })
}

t.test("a name can't be set twice in different case", async (t) => {
  refusal(t, { set: { "X-A": "1", "x-a": "2" } }, /^"x-a" is set twice/)
})

t.test("a name can't be both set and removed, in any case", async (t) => {
  refusal(t, { set: { "X-A": "1" }, remove: ["x-a"] }, /^"x-a" is both set and removed/)
  refusal(t, { set: { "X-A": "" }, remove: ["X-A"] }, /^"X-A" is both set and removed/)
})
