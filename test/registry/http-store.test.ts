import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import t, { type Test } from "tap"
import { HttpStore, type HttpStoreSettings } from "../../lib/registry/http-store.js"
import { startHttpService } from "../support/access/http-service.js"
import { startBackend } from "../support/peers/backend.js"
import { temporaryFolder } from "../support/program/program.js"
import { rejectionOf } from "../support/project/thrown.js"

const NEVER = new AbortController().signal
const ENTRY = { url: "ws://chat.example" }

async function storeAt(t: Test, url: string, settings: Partial<HttpStoreSettings> = {}): Promise<HttpStore> {
  const store = new HttpStore({ url, timeout_ms: 5000, ...settings })
  t.teardown(() => store.stop())
  await store.prepare()
  return store
}

t.test("an entry is the JSON of its URL, over connections that are kept", async (t) => {
  const server = await startHttpService(t, (_, response) => response.end(JSON.stringify(ENTRY)))
  const store = await storeAt(t, `${server.origin}/endpoints/{key}?v=1`)
  const keys = Array.from({ length: 20 }, (_, index) => `ep${index}`)
  for (const key of keys) t.same(await store.fetch(key, NEVER), ENTRY)
  t.same(
    server.requests.map(({ url }) => url),
    keys.map((key) => `/endpoints/${key}?v=1`),
  )
  t.ok(server.connections < 10, "they are kept")
})

const KEYS: readonly (readonly [key: string, target: string | undefined])[] = [
  ["a b", "/endpoints/a%20b"],
  ["a?admin=1#x", "/endpoints/a%3Fadmin%3D1%23x"],
  ["$&", "/endpoints/%24%26"],
  ["{key}", "/endpoints/%7Bkey%7D"],
  ["%2e%2e", "/endpoints/%252e%252e"],
  ["@evil.example", "/endpoints/%40evil.example"],
  ["ä", "/endpoints/%C3%A4"],
  ["../admin", undefined],
  ["a/../../admin", undefined],
  ["..\\admin", undefined],
]

for (const [key, target] of KEYS) {
  t.test(`the key ${key} can't reach another path`, async (t) => {
    const server = await startHttpService(t, (_, response) => response.end(JSON.stringify(ENTRY)))
    const store = await storeAt(t, `${server.origin}/endpoints/{key}`)
    t.same(await store.fetch(key, NEVER), target === undefined ? undefined : ENTRY)
    t.same(
      server.requests.map(({ url }) => url),
      target === undefined ? [] : [target],
    )
  })
}

const RESPONSES: readonly (readonly [status: number, body: string, fails: RegExp | undefined])[] = [
  [404, "not here", undefined],
  [204, "", /status 204/],
  [301, "", /status 301/],
  [401, "secret", /status 401/],
  [403, "", /status 403/],
  [500, "", /status 500/],
  [503, "", /status 503/],
  [200, "", /JSON/],
  [200, "{", /JSON/],
  [200, `"${"x".repeat(100_000)}"`, /exceeds 65536 bytes/],
]

for (const [status, body, fails] of RESPONSES) {
  const outcome = fails === undefined ? "says that there is no endpoint" : "says nothing about the endpoint"
  t.test(`a response ${status} with ${body.length} bytes ${outcome}`, async (t) => {
    const server = await startHttpService(t, (_, response) => {
      response.writeHead(status, { location: "http://127.0.0.1:1/" })
      response.end(body)
    })
    const store = await storeAt(t, `${server.origin}/{key}`)
    if (fails === undefined) t.equal(await store.fetch("ep1", NEVER), undefined)
    else t.match(await rejectionOf(() => store.fetch("ep1", NEVER)), { message: fails })
    t.equal(server.requests.length, 1)
  })
}

t.test("the bearer token comes from its file", async (t) => {
  let accepted = "Bearer hunter2"
  const server = await startHttpService(t, ({ headers }, response) => {
    response.statusCode = headers.authorization === accepted ? 200 : 401
    response.end(JSON.stringify(ENTRY))
  })
  const password_file = join(await temporaryFolder(t), "token")
  await writeFile(password_file, "hunter2\n")
  const store = await storeAt(t, `${server.origin}/{key}`, { password_file })
  await store.fetch("ep1", NEVER)
  t.equal(server.requests[0]?.headers.authorization, "Bearer hunter2")
  await writeFile(password_file, "hunter3\n")
  accepted = "Bearer hunter3"
  t.match(await rejectionOf(() => store.fetch("ep1", NEVER)), { message: /status 401/ })
  t.same(await store.fetch("ep1", NEVER), ENTRY, "the file is read again after a 401")
  await writeFile(password_file, "hunter2\r\nX: y\n")
  t.match(await rejectionOf(() => storeAt(t, server.origin, { password_file })), {
    message: /must hold one line/,
  })
})

t.test("a response that trickles is given up when nobody waits any more", async (t) => {
  const server = await startBackend(t)
  const store = await storeAt(t, `http://${server.address}/{key}`)
  const controller = new AbortController()
  const asked = rejectionOf(() => store.fetch("ep1", controller.signal))
  const peer = await server.peer()
  await peer.untilText("\r\n\r\n")
  peer.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
  controller.abort(new Error("no response within 5000 ms"))
  t.match(await asked, { message: "no response within 5000 ms" })
})

t.test("a server that is not there fails at once", async (t) => {
  const server = await startHttpService(t, (_, response) => response.destroy())
  const store = await storeAt(t, `${server.origin}/{key}`)
  t.ok(await rejectionOf(() => store.fetch("ep1", NEVER)))
  const nobody = await storeAt(t, "http://127.0.0.1:1/{key}")
  t.match(await rejectionOf(() => nobody.fetch("ep1", NEVER)), { cause: { code: "ECONNREFUSED" } })
})
