import t from "tap"
import { SessionEnd } from "../../lib/close-reason.js"
import { type Route, Router } from "../../lib/routing/router.js"
import { SettingError } from "../../lib/settings/setting-error.js"
import type { UpgradeRequest } from "../../lib/upgrade/upgrade-request.js"
import { requested } from "../support/http/requested.js"
import { between, oneOf, seededRandom, textOf } from "../support/project/random.js"
import { thrownBy } from "../support/project/thrown.js"
import { parseConditions, type WrittenConditions } from "../support/routing/conditions.js"

type WrittenRoute = Omit<Route<string>, "conditions"> & { readonly conditions: WrittenConditions }

function parseRoute({ conditions, ...route }: WrittenRoute): Route<string> {
  return { ...route, conditions: parseConditions(conditions) }
}

const WRITTEN: readonly WrittenRoute[] = [
  { conditions: { host: ["admin.example"], path: "/" }, target: "admin" },
  { conditions: { path: "/chat", query: { beta: true } }, target: "beta" },
  { conditions: { path: "/chat" }, strip_prefix: true, target: "chat" },
  { conditions: { path: "/chat/never" }, target: "never" },
  { conditions: { path: "=/old" }, rewrite: "/new/place", target: "moved" },
  { conditions: { path: "~/room/[0-9]+" }, rewrite: "/room", target: "room" },
  { conditions: { header: { "X-Team": "red" } }, rewrite: "/red", target: "red" },
]
const ROUTES = WRITTEN.map(parseRoute)

const cases: { path: string; host?: string; team?: string; target: string; to: string }[] = [
  { path: "/chat", target: "chat", to: "/" },
  { path: "/chat/a%2Fb?x=%2F&y?", target: "chat", to: "/a%2Fb?x=%2F&y?" },
  { path: "/chat?", target: "chat", to: "/?" },
  { path: "/chat/never", target: "chat", to: "/never" },
  { path: "/chat/x?beta", target: "beta", to: "/chat/x?beta" },
  { path: "/%63hat//x?%62eta=1", target: "beta", to: "/%63hat//x?%62eta=1" },
  { path: "/chat", host: "Admin.Example:80", target: "admin", to: "/chat" },
  { path: "/old?a=b", target: "moved", to: "/new/place?a=b" },
  { path: "/old/", target: "fallback", to: "/old/" },
  { path: "/room/12?x", target: "room", to: "/room?x" },
  { path: "/room/x", target: "fallback", to: "/room/x" },
  { path: "/x?y", team: "red", target: "red", to: "/red/x?y" },
  { path: "/chatty?%", target: "fallback", to: "/chatty?%" },
  { path: "//chat", target: "fallback", to: "//chat" },
  { path: "/chat//evil.example?x", target: "chat", to: "/evil.example?x" },
]

for (const { path, host = "chat.example", team, target, to } of cases) {
  t.test(`${path} at ${host} ${team ?? ""} goes to ${target} as ${to}`, async (t) => {
    const router = new Router(ROUTES, "fallback")
    t.same(router.route(requested(path, { Host: host, "X-Team": team })), { target, path: to })
  })
}

function endOf(router: Router<string>, request: UpgradeRequest): unknown {
  const error = thrownBy(() => router.route(request))
  return error instanceof SessionEnd ? error.reason : error
}

t.test("without routes every request goes to the fallback unchanged", async (t) => {
  const router = new Router([], "fallback")
  for (const path of ["/", "/chat?x", "/a/../b", "/%2e%2e/", "//x"]) {
    t.same(router.route(requested(path)), { target: "fallback", path })
  }
})

t.test("without a fallback, a request that matches no route is refused", async (t) => {
  t.equal(endOf(new Router(ROUTES, undefined), requested("/nothing")), "no_route")
  t.equal(endOf(new Router<string>([], undefined), requested("/")), "no_route")
  t.equal(new Router(ROUTES, undefined).route(requested("/chat")).target, "chat")
})

t.test("a route without conditions matches every request, so later routes get none", async (t) => {
  const router = new Router(
    [
      { conditions: { path: "/a" }, target: "a" },
      { conditions: {}, target: "rest" },
      { conditions: { path: "/b" }, target: "b" },
    ].map(parseRoute),
    "fallback",
  )
  t.equal(router.route(requested("/a/x")).target, "a")
  t.equal(router.route(requested("/b")).target, "rest")
})

t.test("the router returns targets unchanged", async (t) => {
  const pool = { name: "chat" }
  const router = new Router([{ conditions: {}, target: pool }], undefined)
  t.equal(router.route(requested("/")).target, pool)
})

const HOST_ONLY = parseRoute({ conditions: { host: ["chat.example"] }, target: "host" })
const WITH_PATH = parseRoute({ conditions: { path: "/chat" }, target: "path" })
const WITH_REWRITE: Route<string> = { conditions: {}, rewrite: "/new", target: "rewrite" }

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
    t.same(new Router([HOST_ONLY], "fallback").route(request), { target: "host", path: target })
  })
}

t.test("dots in the query are not dot segments", async (t) => {
  const target = "/chat?next=/../..&x=%2e%2e/"
  t.same(new Router([WITH_PATH], "fallback").route(requested(target)), { target: "path", path: target })
})

const mistakes: WrittenRoute[] = [
  { conditions: { path: "chat" }, target: "" },
  { conditions: { path: "~(" }, target: "" },
  { conditions: { host: [""] }, target: "" },
  { conditions: { header: { "a b": true } }, target: "" },
  { conditions: {}, strip_prefix: true, target: "" },
  { conditions: { path: "=/a" }, strip_prefix: true, target: "" },
  { conditions: { path: "/a" }, strip_prefix: true, rewrite: "/b", target: "" },
  { conditions: { path: "/a" }, rewrite: "b", target: "" },
]

for (const route of mistakes) {
  t.test(`${JSON.stringify(route)} is refused by the router`, async (t) => {
    t.type(
      thrownBy(() => new Router([parseRoute(route)], undefined)),
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
    const { path: to, target: led } = router.route(request)
    routed++
    const query = target.includes("?") ? target.slice(target.indexOf("?")) : ""
    const isChanged = to !== target
    const isRight =
      (query === "" ? !to.includes("?") : to.slice(to.indexOf("?")) === query) &&
      to.startsWith("/") &&
      !(isChanged && /^\/[/\\]/.test(to)) &&
      (led !== "fallback" || !isChanged)
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
      prefixes.map((path, target) => ({ conditions: parseConditions({ path }), target })),
      -1,
    )
    const path = Array.from({ length: between(random, 1, 4) }, () => `/${oneOf(random, [...names])}`).join("")
    const expected = prefixes.findIndex((prefix) => `${path}/`.startsWith(`${prefix}/`))
    t.equal(router.route(requested(path)).target, expected, path)
  }
})
