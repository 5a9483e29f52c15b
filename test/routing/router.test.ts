import t from "tap"
import { SessionEnd } from "../../lib/close-reason.js"
import { type Route, Router } from "../../lib/routing/router.js"
import { SettingError } from "../../lib/settings/setting-error.js"
import type { UpgradeRequest } from "../../lib/upgrade/upgrade-request.js"
import { requested } from "../support/http/requested.js"
import { between, oneOf, seededRandom, textOf } from "../support/project/random.js"
import { thrownBy } from "../support/project/thrown.js"

const ROUTES: readonly Route<string>[] = [
  { conditions: { host: ["admin.example"], path: "/" }, destination: "admin" },
  { conditions: { path: "/chat", query: { beta: true } }, destination: "beta" },
  { conditions: { path: "/chat" }, strip_prefix: true, destination: "chat" },
  { conditions: { path: "/chat/never" }, destination: "never" },
  { conditions: { path: "=/old" }, rewrite: "/new/place", destination: "moved" },
  { conditions: { path: "~/room/[0-9]+" }, rewrite: "/room", destination: "room" },
  { conditions: { header: { "X-Team": "red" } }, rewrite: "/red", destination: "red" },
]

const cases: { target: string; host?: string; team?: string; destination: string; to: string }[] = [
  { target: "/chat", destination: "chat", to: "/" },
  { target: "/chat/a%2Fb?x=%2F&y?", destination: "chat", to: "/a%2Fb?x=%2F&y?" },
  { target: "/chat?", destination: "chat", to: "/?" },
  { target: "/chat/never", destination: "chat", to: "/never" },
  { target: "/chat/x?beta", destination: "beta", to: "/chat/x?beta" },
  { target: "/%63hat//x?%62eta=1", destination: "beta", to: "/%63hat//x?%62eta=1" },
  { target: "/chat", host: "Admin.Example:80", destination: "admin", to: "/chat" },
  { target: "/old?a=b", destination: "moved", to: "/new/place?a=b" },
  { target: "/old/", destination: "fallback", to: "/old/" },
  { target: "/room/12?x", destination: "room", to: "/room?x" },
  { target: "/room/x", destination: "fallback", to: "/room/x" },
  { target: "/x?y", team: "red", destination: "red", to: "/red/x?y" },
  { target: "/chatty?%", destination: "fallback", to: "/chatty?%" },
  { target: "//chat", destination: "fallback", to: "//chat" },
  { target: "/chat//evil.example?x", destination: "chat", to: "/evil.example?x" },
]

for (const { target, host = "chat.example", team, destination, to } of cases) {
  t.test(`${target} at ${host} ${team ?? ""} goes to ${destination} with the target ${to}`, async (t) => {
    const router = new Router(ROUTES, "fallback")
    t.same(router.route(requested(target, { Host: host, "X-Team": team })), { destination, target: to })
  })
}

function endOf(router: Router<string>, request: UpgradeRequest): unknown {
  const error = thrownBy(() => router.route(request))
  return error instanceof SessionEnd ? error.reason : error
}

t.test("without routes every request goes to the fallback unchanged", async (t) => {
  const router = new Router([], "fallback")
  for (const target of ["/", "/chat?x", "/a/../b", "/%2e%2e/", "//x"]) {
    t.same(router.route(requested(target)), { destination: "fallback", target })
  }
})

t.test("without a fallback, a request that matches no route is refused", async (t) => {
  t.equal(endOf(new Router(ROUTES, undefined), requested("/nothing")), "no_route")
  t.equal(endOf(new Router<string>([], undefined), requested("/")), "no_route")
  t.equal(new Router(ROUTES, undefined).route(requested("/chat")).destination, "chat")
})

t.test("a route without conditions matches every request, so later routes get none", async (t) => {
  const router = new Router(
    [
      { conditions: { path: "/a" }, destination: "a" },
      { conditions: {}, destination: "rest" },
      { conditions: { path: "/b" }, destination: "b" },
    ],
    "fallback",
  )
  t.equal(router.route(requested("/a/x")).destination, "a")
  t.equal(router.route(requested("/b")).destination, "rest")
})

t.test("the router returns destinations unchanged", async (t) => {
  const pool = { name: "chat" }
  const router = new Router([{ conditions: {}, destination: pool }], undefined)
  t.equal(router.route(requested("/")).destination, pool)
})

const HOST_ONLY: Route<string> = { conditions: { host: ["chat.example"] }, destination: "host" }
const WITH_PATH: Route<string> = { conditions: { path: "/chat" }, destination: "path" }
const WITH_REWRITE: Route<string> = { conditions: {}, rewrite: "/new", destination: "rewrite" }

for (const target of [
  "/chat/../admin",
  "/chat/%2e%2E/admin",
  "/chat/..%2fadmin",
  "/chat\\..\\x",
  "/chat/..;/x",
  "/.",
]) {
  t.test(`${target} is refused if any route matches or rewrites the path, else accepted`, async (t) => {
    const request = requested(target)
    t.equal(endOf(new Router([HOST_ONLY, WITH_PATH], "fallback"), request), "bad_target")
    t.equal(endOf(new Router([HOST_ONLY, WITH_REWRITE], "fallback"), request), "bad_target")
    t.same(new Router([HOST_ONLY], "fallback").route(request), { destination: "host", target })
  })
}

t.test("dots in the query are not dot segments", async (t) => {
  const target = "/chat?next=/../..&x=%2e%2e/"
  t.same(new Router([WITH_PATH], "fallback").route(requested(target)), { destination: "path", target })
})

const mistakes: Route<string>[] = [
  { conditions: { path: "chat" }, destination: "" },
  { conditions: { path: "~(" }, destination: "" },
  { conditions: { host: [""] }, destination: "" },
  { conditions: { header: { "a b": true } }, destination: "" },
  { conditions: {}, strip_prefix: true, destination: "" },
  { conditions: { path: "=/a" }, strip_prefix: true, destination: "" },
  { conditions: { path: "/a" }, strip_prefix: true, rewrite: "/b", destination: "" },
  { conditions: { path: "/a" }, rewrite: "b", destination: "" },
]

for (const route of mistakes) {
  t.test(`${JSON.stringify(route)} is refused by the router`, async (t) => {
    t.type(
      thrownBy(() => new Router([route], undefined)),
      SettingError,
    )
  })
}

t.test("for any target, the query stays byte for byte and the path starts with one slash", async (t) => {
  const random = seededRandom(404)
  const router = new Router(ROUTES, "fallback")
  const hostile = "/\\.;:@%2eF5c?&=+a"
  let routed = 0
  for (let round = 0; round < 10_000; round++) {
    const start = oneOf(random, ["/chat", "/%63hat", "/old", "/room/1", "/", "/x"])
    const target = start + textOf(random, hostile, 0, between(random, 0, 20))
    const request = requested(target, { "X-Team": oneOf(random, ["red", "blue"]) })
    const error = endOf(router, request)
    if (error === "bad_target") continue
    const { target: to, destination } = router.route(request)
    routed++
    const query = target.includes("?") ? target.slice(target.indexOf("?")) : ""
    const isChanged = to !== target
    const isRight =
      (query === "" ? !to.includes("?") : to.slice(to.indexOf("?")) === query) &&
      to.startsWith("/") &&
      !(isChanged && /^\/[/\\]/.test(to)) &&
      (destination !== "fallback" || !isChanged)
    if (isRight) continue
    t.equal(`${target} asks for ${to}`, "its query", `round ${round}`)
    return
  }
  t.ok(routed > 3000)
})

t.test("the first of many matching routes wins", async (t) => {
  const random = seededRandom(7)
  const names = ["a", "b", "c", "d"] as const
  for (let round = 0; round < 300; round++) {
    const prefixes = Array.from({ length: between(random, 1, 8) }, () =>
      Array.from({ length: between(random, 1, 3) }, () => `/${oneOf(random, [...names])}`).join(""),
    )
    const router = new Router(
      prefixes.map((path, destination) => ({ conditions: { path }, destination })),
      -1,
    )
    const path = Array.from({ length: between(random, 1, 4) }, () => `/${oneOf(random, [...names])}`).join("")
    const expected = prefixes.findIndex((prefix) => `${path}/`.startsWith(`${prefix}/`))
    t.equal(router.route(requested(path)).destination, expected, path)
  }
})
