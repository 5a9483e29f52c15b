import t from "tap"
import { parsePathPattern } from "../../lib/routing/path-pattern.js"
import { type PathChange, toPathRewrite } from "../../lib/routing/path-rewrite.js"
import { SettingError } from "../../lib/settings/setting-error.js"
import { isDotSegmented } from "../../lib/upgrade/dot-segments.js"
import { between, oneOf, seededRandom } from "../support/project/random.js"
import { thrownBy } from "../support/project/thrown.js"

function rewriteOf(path: string | undefined, change: PathChange) {
  return toPathRewrite(path === undefined ? undefined : parsePathPattern(path), change)
}

const STRIP: PathChange = { strip_prefix: true }

const cases: { pattern: string | undefined; change: PathChange; paths: [from: string, to: string][] }[] = [
  {
    pattern: "/chat",
    change: STRIP,
    paths: [
      ["/chat", "/"],
      ["/chat/", "/"],
      ["/chat/x", "/x"],
      ["/chat/x/", "/x/"],
      ["/chat/chat", "/chat"],
      ["/%63hat/%78", "/%78"],
      ["/c%68at", "/"],
      ["/chat/a%2Fb%2f", "/a%2Fb%2f"],
      ["/chat/%2Fx", "/%2Fx"],
      ["/chat//evil.example/x", "/evil.example/x"],
      ["/chat////x", "/x"],
      ["/chat/\\evil.example", "/evil.example"],
      ["/chat/\\/x", "/x"],
      ["/chat/x//y", "/x//y"],
    ],
  },
  {
    pattern: "/chat/",
    change: STRIP,
    paths: [
      ["/chat/", "/"],
      ["/chat/x", "/x"],
      ["/chat//x", "/x"],
    ],
  },
  {
    pattern: "/a/b",
    change: STRIP,
    paths: [
      ["/a/b", "/"],
      ["/%61/%62/c/d", "/c/d"],
    ],
  },
  { pattern: "/a%2Fb", change: STRIP, paths: [["/a%2fb/c", "/c"]] },
  {
    pattern: "/",
    change: STRIP,
    paths: [
      ["/", "/"],
      ["/x", "/x"],
      ["//x", "/x"],
    ],
  },
  {
    pattern: "/chat",
    change: { rewrite: "/new" },
    paths: [
      ["/chat", "/new"],
      ["/chat/", "/new/"],
      ["/chat/x", "/new/x"],
      ["/%63hat/%78", "/new/%78"],
      ["/chat//x", "/new//x"],
    ],
  },
  {
    pattern: "/chat",
    change: { rewrite: "/new/" },
    paths: [
      ["/chat", "/new/"],
      ["/chat/", "/new/"],
      ["/chat/x", "/new/x"],
    ],
  },
  {
    pattern: "/chat/",
    change: { rewrite: "/new" },
    paths: [
      ["/chat/", "/new/"],
      ["/chat/x", "/new/x"],
    ],
  },
  {
    pattern: "/chat",
    change: { rewrite: "/" },
    paths: [
      ["/chat", "/"],
      ["/chat/x", "/x"],
      ["/chat//x", "/x"],
    ],
  },
  { pattern: "/chat", change: { rewrite: "/$1%2F" }, paths: [["/chat/x", "/$1%2F/x"]] },
  {
    pattern: "/",
    change: { rewrite: "/new" },
    paths: [
      ["/", "/new/"],
      ["/x", "/new/x"],
    ],
  },
  {
    pattern: undefined,
    change: { rewrite: "/new" },
    paths: [
      ["/", "/new/"],
      ["/x/y", "/new/x/y"],
      ["//x", "/new//x"],
    ],
  },
  {
    pattern: undefined,
    change: { rewrite: "/" },
    paths: [
      ["/x", "/x"],
      ["//x", "/x"],
    ],
  },
  {
    pattern: "=/chat",
    change: { rewrite: "/new" },
    paths: [
      ["/chat", "/new"],
      ["/%63hat", "/new"],
    ],
  },
  { pattern: "~/room/.*", change: { rewrite: "/new/" }, paths: [["/room/1/2", "/new/"]] },
]

for (const { pattern, change, paths } of cases) {
  const how = change.strip_prefix === true ? "stripped" : `rewritten to ${change.rewrite}`
  for (const [from, to] of paths) {
    t.test(`${from} becomes ${to} if ${pattern ?? "no path"} is ${how}`, async (t) => {
      t.equal(rewriteOf(pattern, change)?.(from), to)
    })
  }
}

for (const change of [{}, { strip_prefix: false }, { strip_prefix: false, rewrite: undefined }]) {
  t.test(`${JSON.stringify(change)} changes no path`, async (t) => {
    for (const pattern of ["/chat", "=/chat", "~/chat", undefined])
      t.equal(rewriteOf(pattern, change), undefined)
  })
}

const mistakes: { pattern: string | undefined; change: PathChange; message: RegExp }[] = [
  { pattern: "=/chat", change: STRIP, message: /strip_prefix needs a path that is a prefix/ },
  { pattern: "~/chat", change: STRIP, message: /strip_prefix needs a path that is a prefix/ },
  { pattern: undefined, change: STRIP, message: /strip_prefix needs a path that is a prefix/ },
  { pattern: "/chat", change: { strip_prefix: true, rewrite: "/new" }, message: /cannot be combined/ },
  ...[
    "",
    "new",
    "//new",
    "/a?b",
    "/a#b",
    "/a b",
    "/\xe9",
    "/a\r\nX: y",
    "/a/../b",
    "/%2e",
    "/a\\b",
    "ws://a/b",
  ].map((rewrite) => ({
    pattern: "/chat",
    change: { rewrite },
    message: /is not a path: expected one such as "\/new"/,
  })),
]

for (const { pattern, change, message } of mistakes) {
  t.test(`${JSON.stringify(change)} is refused if the path is ${pattern}`, async (t) => {
    const error = thrownBy(() => rewriteOf(pattern, change))
    t.type(error, SettingError)
    t.match(error, { message })
  })
}

t.test("rewriting a prefix always gives a path with the client's own ending", async (t) => {
  const random = seededRandom(4242)
  const patterns = ["/", "/a", "/a/", "/a/b", "/a%2Fb"] as const
  const rewrites = [undefined, "/", "/new", "/new/"] as const
  const pieces = ["/", "//", "\\", "%2f", "%2F", "a", "%61", "b", "x", "%", ";", ":"] as const
  for (let round = 0; round < 20_000; round++) {
    const pattern = oneOf(random, [...patterns])
    const rewrite = oneOf(random, [...rewrites])
    const change = rewrite === undefined ? STRIP : { rewrite }
    const end = Array.from({ length: between(random, 0, 6) }, () => oneOf(random, [...pieces])).join("")
    const path = `${pattern}/${end}`
    const to = rewriteOf(pattern, change)?.(path) ?? ""
    const isPath = /^\/(?![/\\])/.test(to) && to.startsWith(rewrite ?? "/")
    // Two slashes may merge into one where the parts meet.
    if (isPath && to.endsWith(end.replace(/^[/\\]+/, "")) && !isDotSegmented(to)) continue
    t.equal(`${path} becomes ${to}`, "a path", `round ${round}: ${pattern} ${JSON.stringify(change)}`)
    return
  }
  t.pass("every one")
})
