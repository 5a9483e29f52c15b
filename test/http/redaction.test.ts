import t from "tap"
import { parseRedactRule, Redaction } from "../../lib/http/redaction.js"
import { SettingError } from "../../lib/settings/setting-error.js"

const redaction = (...rules: string[]) => new Redaction(rules.map(parseRedactRule))

const TARGETS: { rules: readonly string[]; target: string; shown: string }[] = [
  { rules: [], target: "/a?token=1", shown: "/a?token=1" },
  { rules: ["query:token"], target: "/a?x=1&token=2&y=3", shown: "/a?x=1&token=[redacted]&y=3" },
  { rules: ["query:token"], target: "/a?%74oken=2", shown: "/a?%74oken=[redacted]" },
  { rules: ["query:a b"], target: "/a?a+b=2&a%20b=3", shown: "/a?a+b=[redacted]&a%20b=[redacted]" },
  { rules: ["query:token"], target: "/a?token=1=2", shown: "/a?token=[redacted]" },
  { rules: ["query:token"], target: "/a?token=&token", shown: "/a?token=&token" },
  { rules: ["query:token"], target: "/a?Token=1", shown: "/a?Token=1" },
  { rules: ["query:*"], target: "/a?x=1&y=&secret", shown: "/a?x=[redacted]&y=&[redacted]" },
  { rules: ["query:*"], target: "/a?", shown: "/a?" },
  { rules: ["query:*"], target: "/a", shown: "/a" },
  { rules: [], target: "ws://user:secret@a.example/p", shown: "ws://[redacted]/p" },
  { rules: [], target: "ws://a.example/p?x", shown: "ws://a.example/p?x" },
  { rules: ["header:Host"], target: "ws://a.example/p", shown: "ws://[redacted]/p" },
  { rules: [], target: "/a#secret", shown: "/a#[redacted]" },
  { rules: ["query:*"], target: "/a?x=1#secret", shown: "/a?x=[redacted]#[redacted]" },
  { rules: [], target: "secret:443", shown: "[redacted]" },
  { rules: [], target: "*", shown: "*" },
]

for (const { rules, target, shown } of TARGETS) {
  t.test(`with [${rules}] the target ${target} is shown as ${shown}`, async (t) => {
    t.equal(redaction(...rules).target(target), shown)
  })
}

const HEAD = "GET /a?t=1 HTTP/1.1\r\nHost: a.example\r\nCOOKIE:  a=b \r\nX-Key: k\r\nCookie: c=d\r\n\r\n"

t.test("of a head the values of hidden fields and parameters are not shown", async (t) => {
  const show = (name: string, value: string) => (name === "host" ? value.toUpperCase() : value)
  t.strictSame(redaction("header:Cookie", "query:t").head(HEAD, show, ["x-key"]), [
    "GET /a?t=[redacted] HTTP/1.1",
    "Host: A.EXAMPLE",
    "COOKIE: [redacted]",
    "X-Key: [redacted]",
    "Cookie: [redacted]",
  ])
  t.strictSame(redaction("header:*").head("HTTP/1.1 101 Switching Protocols\r\nServer: x\r\n\r\n", show), [
    "HTTP/1.1 101 Switching Protocols",
    "Server: [redacted]",
  ])
})

t.test("whoever hides the Host also hides the fields that repeat it", async (t) => {
  const head =
    "GET / HTTP/1.1\r\nHost: b\r\nX-Forwarded-Host: a\r\nForwarded: host=a\r\nX-Real-IP: ::1\r\n\r\n"
  t.strictSame(
    redaction("header:Host").head(head, (_, value) => value),
    [
      "GET / HTTP/1.1",
      "Host: [redacted]",
      "X-Forwarded-Host: [redacted]",
      "Forwarded: [redacted]",
      "X-Real-IP: ::1",
    ],
  )
})

for (const text of ["Cookie", "header:", "header:a b", "query:", "cookie:a", "header", "*", ""]) {
  t.test(`"${text}" is not a rule`, async (t) => t.throws(() => parseRedactRule(text), SettingError))
}
