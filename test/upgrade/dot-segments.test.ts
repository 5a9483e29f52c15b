import t from "tap"
import { isDotSegmented } from "../../lib/upgrade/dot-segments.js"
import { between, oneOf, seededRandom } from "../support/project/random.js"

const dotted = [
  "/.",
  "/..",
  "/./",
  "/../",
  "/a/.",
  "/a/..",
  "/a/./b",
  "/a/../b",
  "/%2e",
  "/%2E",
  "/%2e%2e",
  "/.%2e",
  "/%2E.",
  "/a/%2e%2E/b",
  "/a%2f..%2fb",
  "/a%2F..",
  "/..%2Fb",
  "/..%2f",
  "/a\\..\\b",
  "/a\\..",
  "/..\\b",
  "/a%5c..%5Cb",
  "/a%5C%2e%2e",
  "/..;",
  "/..;x",
  "/..;x=y/b",
  "/a/..;/b",
  "/.;x",
  "/%2e%2e;x",
  "/..%3bx",
  "/a/%2E%2e%3B",
  "//..",
  "/a//../b",
  "/...././..",
  `/${"a/".repeat(4000)}..`,
]
for (const path of dotted) {
  t.test(`${path.slice(0, 40)} contains a dot segment for some servers`, async (t) => {
    t.equal(isDotSegmented(path), true)
  })
}

const undotted = [
  "/",
  "//",
  "/...",
  "/....",
  "/.a",
  "/a.",
  "/a..",
  "/..a",
  "/a..b/c",
  "/.well-known/x",
  "/a/.../b",
  "/..%20",
  "/%252e%252e",
  "/%2e%2ea",
  "/%2e%2e%2e",
  "/a;..",
  "/a;x=../..b",
  "/a%2fb",
  "/a%3b..",
  "/%2",
  "/..%2",
  `/${".".repeat(8000)}`,
]
for (const path of undotted) {
  t.test(`${path.slice(0, 40)} contains no dot segment for any server`, async (t) => {
    t.equal(isDotSegmented(path), false)
  })
}

t.test(
  "random paths are dot-segmented if a server that decodes everything once finds dot segments",
  async (t) => {
    const random = seededRandom(524)
    const pieces = ["/", "\\", "%2f", "%5C", ".", "..", "%2e", "%2E", ";", "%3b", "a", "%61", "%"] as const
    let found = 0
    for (let round = 0; round < 20_000; round++) {
      const path = `/${Array.from({ length: between(random, 0, 8) }, () => oneOf(random, [...pieces])).join("")}`
      const decoded = path.replace(/%(2f|5c|2e|3b|61)/gi, (_, code: string) =>
        String.fromCharCode(Number.parseInt(code, 16)),
      )
      const expected = decoded.split(/[/\\]/).some((segment) => /^\.{1,2}(;|$)/.test(segment))
      if (isDotSegmented(path) !== expected) {
        t.equal(path, expected, `round ${round}`)
        return
      }
      if (expected) found++
    }
    t.ok(found > 1000)
  },
)
