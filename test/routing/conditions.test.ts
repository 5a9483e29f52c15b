import t from "tap"
import { toRouteMatch } from "../../lib/routing/conditions.js"
import { RouteRequest } from "../../lib/routing/route-request.js"
import { SettingError } from "../../lib/settings/setting-error.js"
import type { Fields } from "../support/http/heads.js"
import { requested } from "../support/http/requested.js"
import { oneOf, seededRandom } from "../support/project/random.js"
import { thrownBy } from "../support/project/thrown.js"
import { parseConditions, type WrittenConditions } from "../support/routing/conditions.js"

function matchOf(written: WrittenConditions) {
  return toRouteMatch(parseConditions(written))
}

interface Case {
  readonly conditions: WrittenConditions
  readonly target?: string
  readonly fields?: Fields
  readonly isMet: boolean
}

const cases: Case[] = [
  { conditions: {}, isMet: true },
  { conditions: { header: {}, query: {} }, isMet: true },
  { conditions: { host: ["chat.example"] }, isMet: true },
  { conditions: { host: ["other.example"] }, isMet: false },
  { conditions: { host: ["other.example", "chat.example"] }, isMet: true },
  { conditions: { host: ["*.example"] }, isMet: true },
  { conditions: { host: ["chat.example"] }, fields: { Host: "CHAT.example:8080" }, isMet: true },
  { conditions: { host: ["[::1]"] }, fields: { Host: "[0:0::1]:80" }, isMet: true },
  {
    conditions: { host: ["chat.example"] },
    target: "ws://CHAT.example/x",
    fields: { Host: "chat.example" },
    isMet: true,
  },

  { conditions: { path: "/chat" }, target: "/chat", isMet: true },
  { conditions: { path: "/chat" }, target: "/chat?x=/y", isMet: true },
  { conditions: { path: "/chat" }, target: "/chat?", isMet: true },
  { conditions: { path: "/chat" }, target: "/%63hat/x", isMet: true },
  { conditions: { path: "/chat" }, target: "/x?/chat", isMet: false },
  { conditions: { path: "/chat" }, target: "/chat%3Fx", isMet: false },
  { conditions: { path: "=/chat" }, target: "/chat?a?b", isMet: true },
  { conditions: { path: "~/chat" }, target: "/chat?a", isMet: true },

  { conditions: { header: { "X-Team": "red" } }, fields: { "x-TEAM": "red" }, isMet: true },
  { conditions: { header: { "x-team": "red" } }, fields: { "X-Team": " \tred " }, isMet: true },
  { conditions: { header: { "X-Team": "red" } }, fields: { "X-Team": ["blue", "red"] }, isMet: true },
  { conditions: { header: { "X-Team": "red" } }, fields: { "X-Team": "Red" }, isMet: false },
  { conditions: { header: { "X-Team": "red" } }, fields: { "X-Team": "red, blue" }, isMet: false },
  { conditions: { header: { "X-Team": "red" } }, fields: { "X-Team2": "red" }, isMet: false },
  { conditions: { header: { "X-Team": "red" } }, isMet: false },
  { conditions: { header: { "X-Team": "" } }, fields: { "X-Team": "" }, isMet: true },
  { conditions: { header: { "X-Team": "" } }, isMet: false },
  { conditions: { header: { "X-Team": true } }, fields: { "X-Team": "" }, isMet: true },
  { conditions: { header: { "X-Team": true } }, isMet: false },
  { conditions: { header: { A: "1", B: true } }, fields: { A: "1", B: "2" }, isMet: true },
  { conditions: { header: { A: "1", B: true } }, fields: { A: "1" }, isMet: false },
  {
    conditions: { header: { "Sec-WebSocket-Protocol": "v2" } },
    fields: { "Sec-WebSocket-Protocol": "v2" },
    isMet: true,
  },

  { conditions: { query: { room: "1" } }, target: "/?room=1", isMet: true },
  { conditions: { query: { room: "1" } }, target: "/?x&room=2&room=1", isMet: true },
  { conditions: { query: { room: "1" } }, target: "/?room=11", isMet: false },
  { conditions: { query: { room: "1" } }, target: "/?Room=1", isMet: false },
  { conditions: { query: { room: "1" } }, target: "/room=1", isMet: false },
  { conditions: { query: { room: "1" } }, target: "/%3Froom=1", isMet: false },
  { conditions: { query: { room: "1" } }, target: "/??room=1", isMet: false },
  { conditions: { query: { room: "1" } }, target: "/", isMet: false },
  { conditions: { query: { room: "a b/\xe9" } }, target: "/?room=a+b%2F%C3%A9", isMet: true },
  { conditions: { query: { "a&b": "c=d" } }, target: "/?a%26b=c%3Dd", isMet: true },
  { conditions: { query: { room: "a" } }, target: "/?%72oom=%61", isMet: true },
  { conditions: { query: { room: "%" } }, target: "/?room=%", isMet: true },
  { conditions: { query: { room: "" } }, target: "/?room", isMet: true },
  { conditions: { query: { room: true } }, target: "/?room", isMet: true },
  { conditions: { query: { room: true } }, target: "/?rooms=1", isMet: false },
  { conditions: { query: { room: true } }, target: "/??room=1", isMet: false },
  { conditions: { query: { a: "1", b: true } }, target: "/?b&a=1", isMet: true },
  { conditions: { query: { a: "1", b: true } }, target: "/?a=1", isMet: false },
]

for (const { conditions, target = "/", fields = {}, isMet } of cases) {
  const title = `${target} with ${JSON.stringify(fields)} ${isMet ? "matches" : "does not match"} ${JSON.stringify(conditions)}`
  t.test(title, async (t) => {
    t.equal(matchOf(conditions)(new RouteRequest(requested(target, fields))), isMet)
  })
}

t.test("a route matches if and only if all of its conditions match", async (t) => {
  const random = seededRandom(16)
  const matches = matchOf({ host: ["a.example"], path: "/chat", header: { "X-A": "1" }, query: { q: "1" } })
  let met = 0
  for (let round = 0; round < 500; round++) {
    const host = oneOf(random, ["a.example", "a.example", "b.example"])
    const path = oneOf(random, ["/chat", "/chat", "/x"])
    const field = oneOf(random, ["1", "1", "2"])
    const query = oneOf(random, ["1", "1", "2"])
    const request = new RouteRequest(requested(`${path}?q=${query}`, { Host: host, "X-A": field }))
    const expected = host === "a.example" && path === "/chat" && field === "1" && query === "1"
    if (matches(request) !== expected) return t.equal(expected, !expected, `round ${round}`)
    if (expected) met++
  }
  return t.ok(met > 50)
})

for (const { target, path, query } of [
  { target: "/", path: "/", query: "" },
  { target: "/a?", path: "/a", query: "?" },
  { target: "/a?b=%2f&c?d", path: "/a", query: "?b=%2f&c?d" },
  { target: "/%3f?x", path: "/%3f", query: "?x" },
]) {
  t.test(`${target} is split at the first question mark, byte for byte`, async (t) => {
    const request = new RouteRequest(requested(target))
    t.same([request.path, request.query], [path, query])
  })
}

const mistakes: { conditions: WrittenConditions; message: RegExp }[] = [
  { conditions: { host: [] }, message: /expected at least one/ },
  { conditions: { host: ["chat.example", "a:80"] }, message: /"a:80" is not a host/ },
  { conditions: { header: { "X Team": "a" } }, message: /"X Team" is not a field name/ },
  { conditions: { header: { "": true } }, message: /"" is not a field name/ },
  { conditions: { header: { "X-A": "a\nb" } }, message: /the value of "X-A" contains a control character/ },
  { conditions: { header: { "X-A": "\u{20ac}" } }, message: /one beyond Latin-1/ },
  { conditions: { header: { "X-A": " a" } }, message: /starts or ends with white space/ },
  { conditions: { header: { "X-A": "a\t" } }, message: /starts or ends with white space/ },
]

for (const { conditions, message } of mistakes) {
  t.test(`${JSON.stringify(conditions)} are refused as conditions, and the error says why`, async (t) => {
    const error = thrownBy(() => matchOf(conditions))
    t.type(error, SettingError)
    t.match(error, { message })
  })
}
