import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import t, { type Test } from "tap"
import { RedisStore, type RedisStoreSettings } from "../../lib/registry/redis-store.js"
import { systemClock } from "../../lib/shared/clock.js"
import { FakeClock } from "../support/clock/fake-clock.js"
import { deadAddress, startBackend } from "../support/peers/backend.js"
import { temporaryFolder } from "../support/program/program.js"
import { rejectionOf } from "../support/project/thrown.js"
import { noRedis, startRedis } from "../support/registry/redis-server.js"

const ENTRY = { url: "ws://chat.example", active: true, fields: { "X-A": "1" }, max_connections: 3 }
const NEVER = new AbortController().signal

async function storeAt(
  t: Test,
  url: string,
  settings: Partial<RedisStoreSettings> = {},
  clock: { nowMs(): number } = systemClock,
): Promise<RedisStore> {
  const store = new RedisStore({ url, prefix: "rws:endpoint:", timeout_ms: 5000, ...settings }, clock)
  t.teardown(() => store.stop())
  await store.prepare()
  return store
}

t.test("entries are hashes that can be set, found, listed and removed", { skip: noRedis }, async (t) => {
  const redis = await startRedis(t)
  const store = await storeAt(t, redis.url)
  t.equal(await store.fetch("ep1", NEVER), undefined)
  await store.set("ep1", ENTRY, NEVER)
  t.same(await store.fetch("ep1", NEVER), ENTRY)
  await store.set("ep1", { url: "ws://other.example" }, NEVER)
  t.same(await store.fetch("ep1", NEVER), { url: "ws://other.example" }, "no field of the old one is left")
  await store.set("__proto__", ENTRY, NEVER)
  await store.set("a*b\r\nFLUSHALL\r\n", ENTRY, NEVER)
  await redis.run(["SET", "rws:endpoint:text", "x"], ["HSET", "rws:other:ep2", "url", "ws://a"])
  t.same((await store.list(NEVER)).sort(), ["__proto__", "a*b\r\nFLUSHALL\r\n", "ep1"])
  t.equal(await store.remove("ep1", NEVER), true)
  t.equal(await store.remove("ep1", NEVER), false)
  t.equal(await store.fetch("ep1", NEVER), undefined)
})

t.test("a prefix is taken literally", { skip: noRedis }, async (t) => {
  const redis = await startRedis(t)
  const store = await storeAt(t, redis.url, { prefix: "a[b]*?:" })
  await store.set("ep1", ENTRY, NEVER)
  await redis.run(["HSET", "abx:ep2", "url", "ws://a"])
  t.same(await store.list(NEVER), ["ep1"])
})

t.test("what another program writes is read as an entry", { skip: noRedis }, async (t) => {
  const redis = await startRedis(t)
  const store = await storeAt(t, redis.url)
  await redis.run([
    "HSET",
    "rws:endpoint:ep1",
    "url",
    "ws://a",
    "active",
    "0",
    "allowed_origins",
    "https://a.example",
  ])
  t.same(await store.fetch("ep1", NEVER), {
    url: "ws://a",
    active: false,
    allowed_origins: ["https://a.example"],
  })
  await redis.run(["SET", "rws:endpoint:text", "x"])
  t.match(await rejectionOf(() => store.fetch("text", NEVER)), { message: /WRONGTYPE/ })
  t.ok(await store.fetch("ep1", NEVER), "and the connection is kept")
})

t.test("the password comes from its file", { skip: noRedis }, async (t) => {
  const redis = await startRedis(t, ["--requirepass", "hunter2"])
  const password_file = join(await temporaryFolder(t), "password")
  await writeFile(password_file, "hunter2\n")
  const store = await storeAt(t, redis.url, { password_file })
  await store.set("ep1", ENTRY, NEVER)
  t.same(await store.fetch("ep1", NEVER), ENTRY)
  await writeFile(password_file, "wrong\n")
  const clock = new FakeClock()
  const other = await storeAt(t, redis.url, { password_file }, clock)
  const error = await rejectionOf(() => other.fetch("ep1", NEVER))
  t.match(error, { message: /WRONGPASS/ })
  t.notMatch(error, { message: /wrong$/ })
  await writeFile(password_file, "hunter2\n")
  clock.advance(2000)
  t.same(await other.fetch("ep1", NEVER), ENTRY, "the file is read for each connection")
  const none = await storeAt(t, redis.url)
  t.match(await rejectionOf(() => none.fetch("ep1", NEVER)), { message: /NOAUTH/ })
})

t.test("a server that is killed is found again when it is back", { skip: noRedis }, async (t) => {
  const redis = await startRedis(t)
  const clock = new FakeClock()
  const store = await storeAt(t, redis.url, {}, clock)
  await store.set("ep1", ENTRY, NEVER)
  await redis.kill()
  t.ok(await rejectionOf(() => store.fetch("ep1", NEVER)))
  clock.advance(2000)
  t.ok(await rejectionOf(() => store.fetch("ep1", NEVER)), "nothing listens")
  await redis.restart()
  t.ok(await rejectionOf(() => store.fetch("ep1", NEVER)), "it is left alone for a while")
  clock.advance(2000)
  t.equal(await store.fetch("ep1", NEVER), undefined, "it is back, and empty")
  await store.set("ep1", ENTRY, NEVER)
  t.same(await store.fetch("ep1", NEVER), ENTRY)
})

t.test("a server that is not there fails at once, and is not asked all the time", async (t) => {
  const address = await deadAddress()
  const clock = new FakeClock()
  const store = await storeAt(t, `redis://${address}`, {}, clock)
  const first = await rejectionOf(() => store.fetch("ep1", NEVER))
  t.match(first, { code: "ECONNREFUSED" })
  t.equal(await rejectionOf(() => store.fetch("ep1", NEVER)), first, "no new attempt")
  clock.advance(60)
  t.not(await rejectionOf(() => store.fetch("ep1", NEVER)), first, "a new attempt")
})

t.test("a server that accepts and never replies is given up, and its connection closed", async (t) => {
  const server = await startBackend(t)
  const clock = new FakeClock()
  const store = await storeAt(t, `redis://${server.address}`, {}, clock)
  const controller = new AbortController()
  const asked = [store.fetch("ep1", controller.signal), store.fetch("ep2", NEVER)].map((one) =>
    rejectionOf(() => one),
  )
  const peer = await server.peer()
  controller.abort(new Error("no response within 5000 ms"))
  t.ok(await asked[0])
  t.ok(await asked[1], "whoever waits for the same connection learns it too")
  await peer.untilEnd()
  clock.advance(60)
  const again = rejectionOf(() => store.fetch("ep1", NEVER))
  const next = await server.peer(1)
  next.socket.destroy()
  t.ok(await again, "the next one gets a new connection")
})

t.test("a server that hangs later is given up and found again", { skip: noRedis }, async (t) => {
  const redis = await startRedis(t)
  const clock = new FakeClock()
  const store = await storeAt(t, redis.url, {}, clock)
  await store.set("ep1", ENTRY, NEVER)
  redis.freeze()
  t.teardown(() => redis.thaw())
  const controller = new AbortController()
  const asked = rejectionOf(() => store.fetch("ep1", controller.signal))
  setImmediate(() => controller.abort(new Error("no response")))
  t.ok(await asked)
  redis.thaw()
  clock.advance(2000)
  t.same(await store.fetch("ep1", NEVER), ENTRY)
})

t.test("a store that has been stopped asks nobody", { skip: noRedis }, async (t) => {
  const redis = await startRedis(t)
  const store = await storeAt(t, redis.url)
  const asked = store.fetch("ep1", NEVER)
  t.equal(await asked, undefined)
  store.stop()
  t.match(await rejectionOf(() => store.fetch("ep1", NEVER)), { message: "the store does not run" })
})
