import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import t, { type Test } from "tap"
import { CachedSource, type CacheSettings } from "../../lib/registry/cached-source.js"
import type { RemoteStore } from "../../lib/registry/endpoint-source.js"
import { FakeClock } from "../support/clock/fake-clock.js"
import { rejectionOf } from "../support/project/thrown.js"

const ENTRY = { url: "ws://chat.example:9000" }
const OTHER = { url: "ws://other.example:9000" }

const SETTINGS: CacheSettings = {
  ttl_ms: 10_000,
  negative_ttl_ms: 1000,
  stale_ms: 0,
  timeout_ms: 2000,
  max_entries: 3,
}

/** A store whose replies the test gives. */
class HandStore implements RemoteStore {
  readonly keys: string[] = []
  readonly signals: AbortSignal[] = []
  readonly #waiting: PromiseWithResolvers[] = []

  fetch(key: string, signal: AbortSignal): Promise<unknown> {
    this.keys.push(key)
    this.signals.push(signal)
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }))
  }

  reply(entry: unknown): void {
    this.#waiting.shift()?.resolve(entry)
  }

  fail(message: string): void {
    this.#waiting.shift()?.reject(new Error(message))
  }

  async prepare(): Promise<void> {}

  stop(): void {}
}

interface PromiseWithResolvers {
  resolve(entry: unknown): void
  reject(error: Error): void
}

function world(settings: Partial<CacheSettings> = {}) {
  const store = new HandStore()
  const clock = new FakeClock(1000)
  const faults: string[] = []
  const onFault = ({ message }: Error) => void faults.push(message)
  const source = new CachedSource(store, { ...SETTINGS, ...settings }, onFault, clock)
  return { store, clock, faults, source }
}

type World = ReturnType<typeof world>

/** Asks, gives the reply, and returns the address of the endpoint. */
async function ask({ source, store }: World, key: string, entry: unknown): Promise<string | undefined> {
  const asked = source.get(key)
  store.reply(entry)
  return (await asked)?.address
}

function cachedIn({ source }: World, t: Test, key: string): string | undefined {
  const found = source.get(key)
  t.notOk(found instanceof Promise, `${key} is answered at once`)
  return found instanceof Promise ? undefined : found?.address
}

t.test("an endpoint is asked for again when its time is over", async (t) => {
  const all = world()
  t.equal(await ask(all, "ep1", ENTRY), ENTRY.url)
  all.clock.advance(9999)
  t.equal(cachedIn(all, t, "ep1"), ENTRY.url)
  all.clock.advance(1)
  t.equal(await ask(all, "ep1", OTHER), OTHER.url)
  t.equal(cachedIn(all, t, "ep1"), OTHER.url)
  t.same(all.store.keys, ["ep1", "ep1"])
  t.equal(all.clock.pending, 0, "no timer is left")
})

t.test("that there is no endpoint is remembered for a shorter time", async (t) => {
  const all = world()
  t.equal(await ask(all, "ep1", undefined), undefined)
  all.clock.advance(999)
  t.equal(cachedIn(all, t, "ep1"), undefined)
  all.clock.advance(1)
  t.equal(await ask(all, "ep1", ENTRY), ENTRY.url)
  t.equal(cachedIn(all, t, "ep1"), ENTRY.url)
})

t.test("an endpoint that has been removed is unknown once its time is over", async (t) => {
  const all = world({ stale_ms: 60_000 })
  await ask(all, "ep1", ENTRY)
  all.clock.advance(10_000)
  t.equal(await ask(all, "ep1", undefined), undefined)
  t.equal(cachedIn(all, t, "ep1"), undefined)
})

t.test("all who ask for a key at the same time share one request", async (t) => {
  const { source, store } = world()
  const asked = [source.get("ep1"), source.get("ep1"), source.get("ep1")]
  t.equal(store.keys.length, 1)
  store.reply(ENTRY)
  const found = await Promise.all(asked)
  t.same(
    found.map((endpoint) => endpoint?.address),
    [ENTRY.url, ENTRY.url, ENTRY.url],
  )
})

t.test("a store that does not respond is given up", async (t) => {
  const { source, store, clock } = world()
  const asked = rejectionOf(() => source.get("ep1"))
  clock.advance(2000)
  t.match(await asked, { message: "no response within 2000 ms" })
  t.equal(store.signals[0]?.aborted, true)
  t.equal(clock.pending, 0)
})

t.test("without stale_ms a failing store refuses", async (t) => {
  const all = world()
  await ask(all, "ep1", ENTRY)
  all.clock.advance(10_000)
  const asked = rejectionOf(() => all.source.get("ep1"))
  all.store.fail("connection refused")
  t.match(await asked, { message: "connection refused" })
  t.same(all.faults, ["connection refused"])
})

t.test(
  "while the store fails an endpoint is used that is not too old, and the store is left alone",
  async (t) => {
    const all = world({ stale_ms: 30_000 })
    await ask(all, "ep1", ENTRY)
    all.clock.advance(10_000)
    const asked = all.source.get("ep1")
    all.store.fail("connection refused")
    t.equal((await asked)?.address, ENTRY.url)
    all.clock.advance(999)
    t.equal(cachedIn(all, t, "ep1"), ENTRY.url)
    all.clock.advance(1)
    const again = all.source.get("ep1")
    all.store.fail("connection refused")
    t.equal((await again)?.address, ENTRY.url)
    t.same(all.faults, ["connection refused"], "one fault is reported for the whole row")
    all.clock.advance(19_001)
    const late = rejectionOf(() => all.source.get("ep1"))
    all.store.fail("connection refused")
    t.match(await late, { message: "connection refused" })
  },
)

t.test("an invalid entry is refused, even if there was a valid one", async (t) => {
  const all = world({ stale_ms: 60_000 })
  await ask(all, "ep1", ENTRY)
  all.clock.advance(10_000)
  t.match(await rejectionOf(() => ask(all, "ep1", { url: 5 })), { message: /^endpoint "ep1": url: / })
  all.clock.advance(1000)
  t.match(await rejectionOf(() => ask(all, "ep1", null)), { message: /^endpoint "ep1": / })
})

t.test("a failure is remembered: a store that hangs costs one request its deadline", async (t) => {
  const { source, store, clock, faults } = world()
  const first = rejectionOf(() => source.get("ep1"))
  clock.advance(2000)
  t.match(await first, { message: "no response within 2000 ms" })
  clock.advance(999)
  t.match(await rejectionOf(() => source.get("ep1")), { message: "no response within 2000 ms" })
  t.equal(store.keys.length, 1, "the store is left alone")
  clock.advance(1)
  const again = source.get("ep1")
  t.equal(store.keys.length, 2)
  store.reply(undefined)
  store.reply(ENTRY)
  t.equal((await again)?.address, ENTRY.url)
  t.equal(faults.length, 1)
})

t.test("a failure is remembered for a key whose endpoint is too old", async (t) => {
  const all = world()
  await ask(all, "ep1", ENTRY)
  all.clock.advance(10_000)
  const asked = rejectionOf(() => all.source.get("ep1"))
  all.store.fail("connection refused")
  await asked
  t.match(await rejectionOf(() => all.source.get("ep1")), { message: "connection refused" })
  t.equal(all.store.keys.length, 2)
})

t.test("an invalid entry is reported, and is looked at again after a while", async (t) => {
  const all = world()
  const invalid = { message: /^endpoint "ep1": url: / }
  t.match(await rejectionOf(() => ask(all, "ep1", { url: 5 })), invalid)
  t.match(await rejectionOf(() => all.source.get("ep1")), invalid)
  t.match(all.faults, [/^endpoint "ep1": url: /])
  all.clock.advance(1000)
  t.match(await rejectionOf(() => ask(all, "ep1", { url: 5 })), invalid)
  t.equal(all.faults.length, 2)
  all.clock.advance(1000)
  t.equal(await ask(all, "ep1", ENTRY), ENTRY.url)
  t.equal(all.store.keys.length, 3)
})

t.test("a flood of unknown keys evicts no endpoint and fills no memory", async (t) => {
  const all = world()
  await ask(all, "ep1", ENTRY)
  for (let index = 0; index < 100; index++) await ask(all, `unknown ${index}`, undefined)
  t.equal(cachedIn(all, t, "ep1"), ENTRY.url)
  t.ok(all.source.get("unknown 0") instanceof Promise, "the first of them is forgotten")
})

t.test("with ttl_ms = 0 the store is asked each time", async (t) => {
  const all = world({ ttl_ms: 0, negative_ttl_ms: 0 })
  t.equal(await ask(all, "ep1", ENTRY), ENTRY.url)
  t.equal(await ask(all, "ep1", undefined), undefined)
  t.equal(await ask(all, "ep1", OTHER), OTHER.url)
})

t.test("a cached key does not keep the request that it came from in memory", async (t) => {
  const all = world({ max_entries: 1000 })
  const before = process.memoryUsage().heapUsed
  for (let index = 0; index < 1000; index++) {
    const head = Buffer.alloc(100_000, `key number ${index} `).toString("latin1")
    await ask(all, head.slice(0, 20), undefined)
  }
  setFlagsFromString("--expose-gc")
  runInNewContext("gc")()
  const keptBytes = process.memoryUsage().heapUsed - before
  t.ok(keptBytes < 50_000_000, `${keptBytes} bytes`)
})
