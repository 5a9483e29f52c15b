import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import t, { type Test } from "tap"
import { ClientTable } from "../../lib/limits/client-table.js"
import type { Destination } from "../../lib/registry/locator.js"
import { SettingError } from "../../lib/settings/setting-error.js"
import { temporaryFolder } from "../support/program/program.js"
import { rejectionOf } from "../support/project/thrown.js"
import { startRegistry, type TestRegistry } from "../support/registry/asked.js"

type Options = Parameters<typeof startRegistry>[2]

async function withEndpoints(
  t: Test,
  endpoints: Readonly<Record<string, unknown>>,
  options?: Options,
  settings: Readonly<Record<string, unknown>> = {},
): Promise<TestRegistry> {
  const file = join(await temporaryFolder(t), "endpoints.json")
  await writeFile(file, JSON.stringify({ endpoints }))
  return startRegistry(t, { store: "file", file, ...settings }, options)
}

function addressIn({ running }: Destination): string | undefined {
  return running?.pool.backends[0]
}

interface PathCase {
  readonly url: string
  readonly target: string
  readonly key?: string
  readonly keepsKey?: boolean
  /** What the backend is asked for, its base path included. */
  readonly asked: string
}

const PATHS: readonly PathCase[] = [
  { url: "ws://chat.example", target: "/?id=ep", asked: "/" },
  { url: "ws://chat.example", target: "/chat?id=ep&a=1", asked: "/chat?a=1" },
  { url: "ws://chat.example/", target: "/chat?id=ep", asked: "/chat" },
  { url: "ws://chat.example/base", target: "/?id=ep", asked: "/base" },
  { url: "ws://chat.example/base/", target: "/?id=ep", asked: "/base" },
  { url: "ws://chat.example/base", target: "/?id=ep&a=1", asked: "/base?a=1" },
  { url: "ws://chat.example/base", target: "/chat?id=ep", asked: "/base/chat" },
  { url: "ws://chat.example?t=1", target: "/?id=ep", asked: "/?t=1" },
  { url: "ws://chat.example/base?t=1", target: "/?id=ep&a=2", asked: "/base?t=1&a=2" },
  { url: "ws://chat.example/base?t=1", target: "/chat?a=2&id=ep&t=9&%74=8", asked: "/base/chat?t=1&a=2" },
  { url: "ws://chat.example", target: "/chat?id=ep", keepsKey: true, asked: "/chat?id=ep" },
  { url: "ws://chat.example/base", target: "/?id=ep", keepsKey: true, asked: "/base?id=ep" },
  { url: "ws://chat.example/base", target: "/ep", key: "path:1", asked: "/base" },
  { url: "ws://chat.example/base", target: "/ep/chat?a=1", key: "path:1", asked: "/base/chat?a=1" },
  {
    url: "ws://chat.example/base",
    target: "/ep/chat",
    key: "path:1",
    keepsKey: true,
    asked: "/base/ep/chat",
  },
]

for (const { url, target, key = "query:id", keepsKey = false, asked } of PATHS) {
  t.test(`${target} by ${key}${keepsKey ? ", kept," : ""} at ${url} asks for ${asked}`, async (t) => {
    const { locate } = await withEndpoints(t, { ep: { url } }, { key, keepsKey })
    const { running, path, endpoint } = await locate(target)
    t.equal(`${running?.pool.members[0]?.basePath}${path}`, asked)
    t.equal(endpoint, "ep")
    t.equal(running?.name, "registry test")
  })
}

t.test("endpoints of one server share a pool, which is kept, whatever their paths and queries", async (t) => {
  const { locate } = await withEndpoints(t, {
    a: { url: "ws://chat.example/rooms/a?token=1" },
    b: { url: "ws://chat.example/rooms/b?token=2" },
    c: { url: "wss://chat.example/rooms/c" },
  })
  const [a, again, b, c] = await Promise.all(["a", "a", "b", "c"].map((id) => locate(`/?id=${id}`)))
  t.equal(a?.running, again?.running)
  t.equal(a?.running, b?.running)
  t.not(a?.running, c?.running)
  t.equal(a && addressIn(a), "ws://chat.example", "its name holds no token")
})

t.test("dot segments may not lead out of the path of an endpoint", async (t) => {
  const { locate, refusalOf } = await withEndpoints(t, {
    ep: { url: "ws://chat.example/base", max_connections: 1 },
    root: { url: "ws://chat.example" },
  })
  for (const path of ["/../admin", "/%2e%2e/admin", "/a/..;/..%2fadmin", "/.."]) {
    t.equal(await refusalOf(`${path}?id=ep`), "bad_target", path)
  }
  t.match(await locate("/a?b=/../c&id=ep"), { path: "/base/a?b=/../c" }, "no place was lost")
  t.match(await locate("/../admin?id=root"), { path: "/../admin" })
})

t.test("what is found at once is returned without a promise", async (t) => {
  const { locate } = await withEndpoints(t, { ep: { url: "ws://chat.example" } })
  t.notOk(locate("/?id=ep") instanceof Promise)
})

t.test("requests that name no endpoint, or one that they may not have, are refused", async (t) => {
  const { refusalOf } = await withEndpoints(t, {
    off: { url: "ws://chat.example", active: false },
    picky: { url: "ws://chat.example", allowed_origins: ["https://app.example"] },
  })
  t.equal(await refusalOf("/"), "no_endpoint_key")
  t.equal(await refusalOf("/?id=a&id=b"), "no_endpoint_key")
  t.equal(await refusalOf("/?id=other"), "unknown_endpoint")
  t.equal(await refusalOf("/?id=__proto__"), "unknown_endpoint")
  t.equal(await refusalOf("/?id=constructor"), "unknown_endpoint")
  t.equal(await refusalOf("/?id=off"), "inactive_endpoint")
  t.equal(await refusalOf("/?id=picky", ["Origin", "https://evil.example"]), "bad_origin")
  t.equal(await refusalOf("/?id=picky", ["Origin", "https://app.example"]), undefined)
})

t.test("the field with the key is removed, unless the endpoint sets it", async (t) => {
  const { locate } = await withEndpoints(
    t,
    {
      ep: { url: "ws://chat.example", fields: { "X-Tenant": "a" } },
      same: { url: "ws://chat.example", fields: { "X-Endpoint": "b" } },
    },
    { key: "header:X-Endpoint" },
  )
  const edits = async (id: string) =>
    (await locate("/", ["X-Endpoint", id])).edits?.map(({ action, key }) => [action, key])
  t.same(await edits("ep"), [
    ["remove", "x-endpoint"],
    ["set", "x-tenant"],
  ])
  t.same((await edits("same"))?.at(-1), ["set", "x-endpoint"])
})

t.test("max_connections is exact, also over registries that share the memory", async (t) => {
  const memory = ClientTable.createMemory(1)
  const endpoints = {
    ep: { url: "ws://chat.example", max_connections: 2 },
    free: { url: "ws://chat.example" },
  }
  const one = await withEndpoints(t, endpoints, { table: new ClientTable(memory) })
  const other = await withEndpoints(t, endpoints, { table: new ClientTable(memory) })
  const first = await one.locate("/?id=ep")
  const second = await other.locate("/?id=ep")
  t.equal(await one.refusalOf("/?id=ep"), "endpoint_full")
  t.equal(await other.refusalOf("/?id=ep"), "endpoint_full")
  t.equal((await one.locate("/?id=free")).place, undefined)
  second.place?.release()
  t.equal(await one.refusalOf("/?id=ep"), undefined)
  t.equal(await one.refusalOf("/?id=ep"), "endpoint_full")
  first.place?.release()
  t.equal(await other.refusalOf("/?id=ep"), undefined)
})

t.test("a limit that can't be counted refuses", async (t) => {
  const ids = Array.from({ length: 33 }, (_, index) => `ep${index}`)
  const endpoints = Object.fromEntries(
    ids.map((id) => [id, { url: "ws://chat.example", max_connections: 1 }]),
  )
  const { refusalOf } = await withEndpoints(t, endpoints, {
    table: new ClientTable(ClientTable.createMemory(1)),
  })
  const refusals = []
  for (const id of ids) refusals.push(await refusalOf(`/?id=${id}`))
  t.same(
    refusals.filter((reason) => reason !== undefined),
    ["endpoint_full"],
  )
})

t.test("without allow_destinations only public addresses are permitted", async (t) => {
  const { locate } = await withEndpoints(t, { ep: { url: "ws://chat.example" } })
  const { running } = await locate("/?id=ep")
  t.equal(running?.permits?.("chat.example", "93.184.216.34", 80), true)
  t.equal(running?.permits?.("chat.example", "127.0.0.1", 80), false)
})

t.test("wss:// endpoints share one TLS context with the settings of the registry", async (t) => {
  const { locate } = await withEndpoints(
    t,
    { a: { url: "wss://a.example" }, b: { url: "wss://b.example" }, c: { url: "ws://c.example" } },
    {},
    { tls: { insecure_skip_verify: true } },
  )
  const tls = []
  for (const id of ["a", "b", "c"]) {
    const { running } = await locate(`/?id=${id}`)
    const backend = running?.pool.members[0]
    tls.push(backend && running?.tlsFor(backend))
  }
  t.match(tls[0], { serverName: "a.example", isVerified: false })
  t.match(tls[1], { serverName: "b.example" })
  t.equal(tls[0]?.context, tls[1]?.context)
  t.equal(tls[2], undefined)
})

t.test("files that can't be read are reported before anything starts", async (t) => {
  const tls = { ca: "/nonexistent/ca.pem" }
  const error = await rejectionOf(() => withEndpoints(t, {}, {}, { tls }))
  t.ok(error instanceof SettingError)
  t.match(error, {
    message: /^registry test: tls: ca "\/nonexistent\/ca.pem" can't be read: there is no such file/,
  })
})
