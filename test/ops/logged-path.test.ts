import t from "tap"
import { loggedPath } from "../../lib/ops/logged-path.js"

const LONG = `/${"p".repeat(1023)}`

const cases: readonly (readonly [target: string, path: string | undefined])[] = [
  ["/", "/"],
  ["/chat", "/chat"],
  ["/chat?token=secret", "/chat"],
  ["/chat?a=/b#frag", "/chat"],
  ["/chat#frag?a", "/chat"],
  ["/?a", "/"],
  ["//double/slash", "//double/slash"],
  ["/a@b:c", "/a@b:c"],
  ["/caf\xe9", "/caf\xe9"],
  ["*", "*"],
  ["*?a", "*"],
  ["ws://host/path", "/path"],
  ["ws://user:pw@host/path#frag", "/path"],
  ["ws://user:pw@host:80/path?token=secret", "/path"],
  ["WSS://user:pw@[::1]:80/path", "/path"],
  ["http://user:pw@host", "/"],
  ["http://user:pw@host?a=/b", "/"],
  ["http://user:pw@host#/b", "/"],
  ["http://host//a", "//a"],
  ["unknown+scheme.1://user:pw@host/path", "/path"],
  ["http:///path", "/path"],
  ["http://user:pw@other\\@host/path", "/path"],
  ["user:pw@host:443", undefined],
  ["host:443", undefined],
  ["http:/path", undefined],
  ["http:user:pw@host/path", undefined],
  ["mailto:user@host", undefined],
  ["://user:pw@host/path", undefined],
  ["chat", undefined],
  ["**", undefined],
  ["?token=secret", undefined],
  ["#/path", undefined],
  ["", undefined],
  [LONG, LONG],
  [`${LONG}?query`, LONG],
  [`${LONG}q`, `${LONG.slice(0, -1)}\u2026`],
  [`http://user:pw@host${LONG}qqq`, `${LONG.slice(0, -1)}\u2026`],
]

for (const [target, path] of cases) {
  t.test(`the path to log of ${JSON.stringify(target.slice(0, 50))} is ${path?.slice(0, 50)}`, async (t) => {
    t.equal(loggedPath(target), path)
  })
}
