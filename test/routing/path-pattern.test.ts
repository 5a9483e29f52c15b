import t from "tap"
import { isPlainPath, normalizePath, parsePathPattern } from "../../lib/routing/path-pattern.js"
import { SettingError } from "../../lib/settings/setting-error.js"
import { range } from "../support/http/ascii.js"
import { oneOf, seededRandom } from "../support/project/random.js"
import { thrownBy } from "../support/project/thrown.js"

const matching: { pattern: string; paths: string[]; others: string[] }[] = [
  {
    pattern: "/chat",
    paths: [
      "/chat",
      "/chat/",
      "/chat/x",
      "/chat//x",
      "/%63hat",
      "/%63%68%61%74/x",
      "/ch%61t",
      "/chat/%2F",
      "/chat/%",
    ],
    others: [
      "/",
      "/chatty",
      "/cha",
      "/Chat",
      "//chat",
      "/x/chat",
      "/chat%2F",
      "/chat%2fx",
      "/chat%5Cx",
      "/chat\\x",
      "/chat;x",
      "/chat.",
      "/%2563hat",
      "/%2Fchat",
      "/chat%",
    ],
  },
  { pattern: "/", paths: ["/", "/x", "//", "/%2F", "/x/"], others: [] },
  { pattern: "/chat/", paths: ["/chat/", "/chat/x", "/chat//"], others: ["/chat", "/chatty/", "/chat%2F"] },
  {
    pattern: "/a/b",
    paths: ["/a/b", "/a/b/c", "/%61/%62/c"],
    others: ["/a", "/a/", "/a/bc", "/a//b", "/a%2Fb", "/a%2fb/c"],
  },
  { pattern: "/%63hat", paths: ["/chat", "/%63hat/x"], others: ["/%2563hat"] },
  { pattern: "/a%2Fb", paths: ["/a%2Fb", "/a%2fb/c"], others: ["/a/b", "/a%252Fb"] },
  { pattern: "/caf%c3%a9", paths: ["/caf%C3%A9", "/caf%c3%a9/x"], others: ["/cafe"] },
  { pattern: "/100%", paths: ["/100%", "/100%/x"], others: ["/100", "/100%25"] },
  { pattern: "=/chat", paths: ["/chat", "/%63hat"], others: ["/chat/", "/chat/x", "/", "/chatty", "=/chat"] },
  { pattern: "=/chat/", paths: ["/chat/"], others: ["/chat", "/chat/x"] },
  { pattern: "=/", paths: ["/"], others: ["/x", "//"] },
  { pattern: "~/chat", paths: ["/chat", "/%63hat"], others: ["/chat/", "/chatty", "/x/chat", "/Chat"] },
  { pattern: "~/a|/b", paths: ["/a", "/b"], others: ["/a/b", "/ab", "/a|/b", "/ax", "x/b"] },
  { pattern: "~^/chat$", paths: ["/chat"], others: ["/chat/"] },
  {
    pattern: "~/room/[0-9]+(/.*)?",
    paths: ["/room/1", "/room/12/", "/room/3/x/y"],
    others: ["/room/", "/room/1x", "/room/x"],
  },
  { pattern: "~(?i)/chat", paths: ["/CHAT", "/Chat"], others: ["/chatty"] },
  { pattern: "~.*", paths: ["/", "/x/%2F"], others: [] },
  { pattern: "~/a.b", paths: ["/a.b", "/axb"], others: ["/a%2Fb", "/ab"] },
  { pattern: "~/a%2Fb", paths: ["/a%2Fb", "/a%2fb"], others: ["/a/b"] },
]

for (const { pattern, paths, others } of matching) {
  const { matches } = parsePathPattern(pattern)
  for (const path of paths) {
    t.test(`${pattern} matches the path ${path}`, async (t) => {
      t.equal(matches(normalizePath(path)), true)
    })
  }
  for (const path of others) {
    t.test(`${pattern} does not match the path ${path}`, async (t) => {
      t.equal(matches(normalizePath(path)), false)
    })
  }
}

const segments: { pattern: string; count: number | undefined }[] = [
  { pattern: "/", count: 0 },
  { pattern: "/a", count: 1 },
  { pattern: "/a/", count: 1 },
  { pattern: "/a/b", count: 2 },
  { pattern: "/a//b/", count: 3 },
  { pattern: "/a%2Fb", count: 1 },
  { pattern: "=/a", count: undefined },
  { pattern: "~/a", count: undefined },
]

for (const { pattern, count } of segments) {
  t.test(`${pattern} has ${count ?? "not a number of"} segments to strip`, async (t) => {
    t.equal(parsePathPattern(pattern).prefixSegments, count)
  })
}

for (const text of [
  "",
  "chat",
  "=chat",
  "=",
  " /chat",
  "//",
  "//chat",
  "=//chat",
  "/chat?x",
  "/chat#x",
  "/chat room",
  "/caf\xe9",
  "/chat\n",
  "/a\\b",
  "/.",
  "/a/../b",
  "/a/%2e%2E",
  "=/a/.",
  "^/chat",
  "*",
]) {
  t.test(
    `${JSON.stringify(text)} is refused as a path pattern, and the error says what is expected`,
    async (t) => {
      const error = thrownBy(() => parsePathPattern(text))
      t.type(error, SettingError)
      t.match(error, { message: `"${text}" is not a path pattern: expected /prefix, =/exact or ~regex` })
    },
  )
}

const badRegexes: { regex: string; fault: string }[] = [
  { regex: "", fault: "expected a regular expression" },
  { regex: "/(?=a)a", fault: "lookahead and lookbehind are not supported at (?=" },
  { regex: "/a(?!b)", fault: "lookahead and lookbehind are not supported at (?!" },
  { regex: "/(?<=a)b", fault: "lookahead and lookbehind are not supported at (?<=" },
  { regex: "/(?<!a)b", fault: "lookahead and lookbehind are not supported at (?<!" },
  { regex: "/(a)\\1", fault: "a back-reference is not supported at \\1" },
  { regex: "/(?P<n>a)\\k<n>", fault: "a back-reference is not supported at \\k" },
  { regex: "/(?>a)", fault: "an atomic group is not supported at (?>" },
  { regex: "/a++", fault: "invalid nested repetition operator at ++" },
  { regex: "/[a", fault: "missing closing ] at [a" },
  { regex: "/(a", fault: "missing closing ) at" },
  { regex: "/a\\", fault: "trailing backslash" },
  { regex: "/a{1001}", fault: "invalid repeat count at {1001}" },
  { regex: "/((a{100}){100}){100}", fault: "invalid repeat count" },
]

for (const { regex, fault } of badRegexes) {
  t.test(`the regex ${regex} is refused: ${fault}`, async (t) => {
    const error = thrownBy(() => parsePathPattern(`~${regex}`))
    t.type(error, SettingError)
    t.match(error, { message: fault })
    t.match(error, { message: `"~${regex}" is not a path pattern` })
  })
}

for (const { regex, path } of [
  { regex: "/(a+)+$", path: `/${"a".repeat(8192)}!` },
  { regex: "/(a|a)*b", path: `/${"a".repeat(8192)}` },
  { regex: "/(x+x+)+y", path: `/${"x".repeat(8192)}` },
  { regex: "(.*a){20}b", path: `/${"a".repeat(8192)}` },
  { regex: "/([a-z]+/?)*0", path: `/${"a/".repeat(4096)}` },
]) {
  // A backtracking engine would practically never finish any of these.
  t.test(`the regex ${regex} matches a hostile path of 8 KiB in linear time`, async (t) => {
    t.equal(parsePathPattern(`~${regex}`).matches(path), false)
  })
}

t.test("only unreserved characters are decoded, and only once", async (t) => {
  const escapes = Array.from({ length: 256 }, (_, code) => `%${code.toString(16).padStart(2, "0")}`)
  const unreserved = `-.${range(0x30, 0x39)}${range(0x41, 0x5a)}_${range(0x61, 0x7a)}~`
  const decoded = escapes.map(normalizePath).filter((text) => text.length === 1)
  t.same(decoded.join(""), unreserved)
  for (const triplet of escapes) {
    const normal = normalizePath(triplet)
    t.ok(normal.length === 1 || normal === triplet.toUpperCase(), triplet)
    t.equal(normalizePath(`%25${triplet.slice(1)}`), `%25${triplet.slice(1)}`)
  }
})

for (const path of ["/%", "/%4", "/%zz", "/%%41", "/%u0041", "/a%", "/%-1"]) {
  t.test(`invalid escapes in ${path} stay unchanged`, async (t) => {
    t.equal(normalizePath(path), path.replace("%41", "A"))
  })
}

t.test("escapes are normalized to upper case, and normalizing twice changes nothing", async (t) => {
  t.equal(normalizePath("/%7Eabc%2fd"), "/~abc%2Fd")
  t.equal(normalizePath("/~abc%2Fd"), "/~abc%2Fd")
})

t.test("a path with dot segments is not plain", async (t) => {
  for (const path of ["/a/../b", "/a/%2e%2e", "/..;x"]) t.equal(isPlainPath(path), false, path)
})

t.test("a prefix matches the same paths however its letters are encoded", async (t) => {
  const random = seededRandom(6570)
  const { matches } = parsePathPattern("/chat/room")
  for (let round = 0; round < 2000; round++) {
    const plain = `/${oneOf(random, ["chat", "Chat", "chat"])}/${oneOf(random, ["room", "rooms", "room/", "room/x"])}`
    const encoded = plain.replace(/[a-z]/gi, (letter) =>
      random() < 0.5 ? letter : `%${letter.charCodeAt(0).toString(16)}`,
    )
    if (matches(normalizePath(encoded)) === (plain.startsWith("/chat/room") && !plain.endsWith("rooms")))
      continue
    t.equal(encoded, plain, `round ${round}`)
    return
  }
  t.pass("every one")
})
