import t, { type Test } from "tap"
import { SettingError } from "../../lib/settings/setting-error.js"
import { type FieldRules, toFieldChanges } from "../../lib/upgrade/field-rules.js"
import { range, TOKEN } from "../support/http/ascii.js"
import { thrownBy } from "../support/project/thrown.js"

const valid: { title: string; rules: FieldRules; changes: [string, string][] }[] = [
  { title: "no rules change nothing", rules: {}, changes: [] },
  { title: "empty rules change nothing", rules: { set: {}, remove: [] }, changes: [] },
  {
    title: "a field is set with its name as written",
    rules: { set: { "X-Proxy": "rws" } },
    changes: [["x-proxy", "X-Proxy: rws\r\n"]],
  },
  { title: "a field is removed", rules: { remove: ["X-Debug"] }, changes: [["x-debug", ""]] },
  {
    title: "a field that is removed twice is removed",
    rules: { remove: ["X-A", "x-a"] },
    changes: [["x-a", ""]],
  },
  {
    title: "several are set and removed",
    rules: { set: { A: "1", b: "" }, remove: ["C", "Set-Cookie"] },
    changes: [
      ["a", "A: 1\r\n"],
      ["b", "b: \r\n"],
      ["c", ""],
      ["set-cookie", ""],
    ],
  },
  {
    title: "a value may hold blanks, tabs and high bytes",
    rules: { set: { A: "x y\tz \xe9\xff" } },
    changes: [["a", "A: x y\tz \xe9\xff\r\n"]],
  },
  {
    title: "X-Forwarded fields may be set",
    rules: { set: { "X-Forwarded-Proto": "https" } },
    changes: [["x-forwarded-proto", "X-Forwarded-Proto: https\r\n"]],
  },
  {
    title: "fields named like members of objects are fields",
    rules: { set: { constructor: "1" }, remove: ["__proto__"] },
    changes: [
      ["constructor", "constructor: 1\r\n"],
      ["__proto__", ""],
    ],
  },
]

for (const { title, rules, changes } of valid) {
  t.test(title, async (t) => {
    t.same([...toFieldChanges(rules)], changes)
  })
}

function refusal(t: Test, rules: FieldRules, message: RegExp): void {
  const error = thrownBy(() => toFieldChanges(rules))
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
  t.test(`${name} can neither be set nor removed`, async (t) => {
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

t.test("every character of a token, and no other, can be in a field's name", async (t) => {
  const allowed = Array.from(range(0x00, 0xff)).filter(
    (character) => thrownBy(() => toFieldChanges({ remove: [`a${character}b`] })) === undefined,
  )
  t.same(allowed, Array.from(TOKEN).toSorted())
})

t.test("no value can end its line or hide something: it holds no control character", async (t) => {
  const allowed = Array.from(range(0x00, 0x100)).filter(
    (character) => thrownBy(() => toFieldChanges({ set: { A: `a${character}b` } })) === undefined,
  )
  t.same(allowed, Array.from(`\t${range(0x20, 0x7e)}${range(0xa0, 0xff)}`))
})

for (const value of ["a\r\nX: y", "a\n", "\ra", "a\0", "\u{20ac}", "\x7f", "\x85"]) {
  t.test(`the value ${JSON.stringify(value)} is refused, and the error names the field`, async (t) => {
    refusal(
      t,
      { set: { "X-A": value } },
      /^the value of "X-A" holds a control character or one that is not in Latin-1/,
    )
  })
}

t.test("one name can't be set in two cases", async (t) => {
  refusal(t, { set: { "X-A": "1", "x-a": "2" } }, /^"x-a" is set twice/)
})

t.test("one name can't be both set and removed, in whatever case", async (t) => {
  refusal(t, { set: { "X-A": "1" }, remove: ["x-a"] }, /^"x-a" is both set and removed/)
  refusal(t, { set: { "X-A": "" }, remove: ["X-A"] }, /^"X-A" is both set and removed/)
})
