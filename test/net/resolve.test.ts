import t, { type Test } from "tap"
import type { SessionEnd } from "../../lib/close-reason.js"
import { type Lookup, lookupPlaces, Resolver } from "../../lib/net/resolve.js"
import { FakeClock } from "../support/clock/fake-clock.js"
import { addressesOf, lookupError } from "../support/pool/names.js"

const TIMEOUT_MS = 5000

interface LookupInFlight {
  readonly name: string
  readonly callback: Parameters<Lookup>[1]
}

/** A fake clock, and lookups that the test completes. */
class HandWorld {
  readonly clock = new FakeClock()
  readonly started: string[] = []
  readonly #inFlight: LookupInFlight[] = []

  readonly lookup: Lookup = (name, callback) => {
    this.started.push(name)
    this.#inFlight.push({ name, callback })
  }

  pass(ms: number): void {
    this.clock.advance(ms)
  }

  get timers(): number {
    return this.clock.pending
  }

  get inFlight(): readonly string[] {
    return this.#inFlight.map(({ name }) => name)
  }

  end(name: string, result: Error | string): void {
    const index = this.inFlight.indexOf(name)
    const [lookup] = index < 0 ? [] : this.#inFlight.splice(index, 1)
    if (lookup === undefined) throw new Error(`no lookup of ${name} is in flight`)
    if (typeof result === "string") lookup.callback(null, addressesOf(result))
    else lookup.callback(result)
  }
}

/** A resolver and the result of each dial's wait: the first address, or the reason of a failure. */
class Bench {
  readonly world = new HandWorld()
  readonly resolver: Resolver
  readonly told: string[] = []

  constructor(places = 2) {
    this.resolver = new Resolver(places, this.world.lookup, this.world.clock)
  }

  dial(name: string, timeoutMs = TIMEOUT_MS): () => void {
    return this.resolver.resolve(name, timeoutMs, (failure: SessionEnd | null, addresses) => {
      this.told.push(failure?.reason ?? addresses.map(({ address }) => address).join())
    })
  }

  /** The results since the last call, including those that need no lookup. */
  async news(): Promise<string[]> {
    await new Promise<void>((resolve) => process.nextTick(resolve))
    return this.told.splice(0)
  }

  /** One whole lookup that takes this long. */
  async lookUp(name: string, result: Error | string, tookMs = 0): Promise<void> {
    this.dial(name)
    this.world.pass(tookMs)
    this.world.end(name, result)
    await this.news()
  }
}

const UNKNOWN = lookupError("ENOTFOUND")
const NO_SERVER = lookupError("EAI_AGAIN")

t.test("all dials of a name share one lookup, and its result for a second", async (t) => {
  const bench = new Bench()
  for (let i = 0; i < 100; i++) bench.dial("a")
  t.same(bench.world.started, ["a"])
  bench.world.end("a", "192.0.2.1")
  t.same(await bench.news(), Array(100).fill("192.0.2.1"))
  bench.world.pass(999)
  bench.dial("a")
  t.same(bench.told, [], "not within the call")
  t.same(await bench.news(), ["192.0.2.1"])
  t.same(bench.world.started, ["a"])
  bench.world.pass(1)
  bench.dial("a")
  t.same(bench.world.started, ["a", "a"])
  bench.world.end("a", "192.0.2.2")
  t.same(await bench.news(), ["192.0.2.2"])
})

t.test("a failure is shared for a second as well", async (t) => {
  const bench = new Bench()
  bench.dial("a")
  bench.dial("a")
  bench.world.end("a", UNKNOWN)
  bench.dial("a")
  t.same(await bench.news(), ["resolve_failed", "resolve_failed", "resolve_failed"])
  bench.world.pass(1000)
  bench.dial("a")
  bench.world.end("a", "192.0.2.1")
  t.same(await bench.news(), ["192.0.2.1"])
})

t.test("the failure has the system's error as its cause", async (t) => {
  const bench = new Bench()
  const failed = new Promise<SessionEnd | null>((resolve) => {
    bench.resolver.resolve("a", TIMEOUT_MS, (failure) => resolve(failure))
  })
  bench.world.end("a", NO_SERVER)
  t.equal((await failed)?.cause, NO_SERVER)
})

t.test("local exhaustion is not cached", async (t) => {
  const bench = new Bench()
  bench.dial("a")
  bench.world.end("a", lookupError("EMFILE"))
  t.same(await bench.news(), ["local_exhaustion"])
  bench.dial("a")
  t.same(bench.world.started, ["a", "a"])
})

for (const name of ["localhost", "LOCALHOST", "localhost."]) {
  t.test(`${name} needs no lookup`, async (t) => {
    const bench = new Bench()
    const leave = bench.dial(name)
    bench.dial(name)
    leave()
    t.same(await bench.news(), ["127.0.0.1,::1"])
    t.same(bench.world.started, [])
  })
}

t.test("a name below localhost is looked up", async (t) => {
  const bench = new Bench()
  bench.dial("chat.localhost")
  t.same(bench.world.started, ["chat.localhost"])
})

t.test("a dial that stopped waiting gets no result", async (t) => {
  const bench = new Bench()
  const leave = bench.dial("a")
  bench.dial("a")
  leave()
  bench.world.end("a", "192.0.2.1")
  t.same(await bench.news(), ["192.0.2.1"])
  bench.dial("a")()
  t.same(await bench.news(), [], "not even one that is already known")
})

t.test("lookups in flight are limited; the others follow in order", async (t) => {
  const bench = new Bench(2)
  for (const name of ["a", "b", "c", "d"]) bench.dial(name)
  t.same(bench.world.started, ["a", "b"])
  bench.world.end("b", "192.0.2.2")
  t.same(bench.world.started, ["a", "b", "c"])
  bench.world.end("a", UNKNOWN)
  t.same(bench.world.started, ["a", "b", "c", "d"])
  t.same(await bench.news(), ["192.0.2.2", "resolve_failed"])
})

t.test("a queued lookup without waiting dials is dropped", async (t) => {
  const bench = new Bench(1)
  bench.dial("a")
  const leaves = [bench.dial("b"), bench.dial("b")]
  bench.dial("c")
  for (const leave of leaves) leave()
  bench.world.end("a", "192.0.2.1")
  t.same(bench.world.started, ["a", "c"])
  bench.dial("b")
  bench.world.end("c", "192.0.2.3")
  t.same(bench.world.started, ["a", "c", "b"], "until another dial needs it")
})

t.test("slow names are still looked up if there is only one place", async (t) => {
  const bench = new Bench(1)
  await bench.lookUp("slow", NO_SERVER, 20_000)
  bench.world.pass(1000)
  bench.dial("slow")
  t.same(bench.world.inFlight, ["slow"])
})

t.test("slow names leave the last place free, and wait behind faster ones", async (t) => {
  const bench = new Bench(2)
  await bench.lookUp("slowest", NO_SERVER, 20_000)
  await bench.lookUp("slow", NO_SERVER, 500)
  bench.world.pass(1000)
  const leave = bench.dial("slowest")
  t.same(bench.world.inFlight, ["slowest"])
  bench.dial("slow")
  t.same(bench.world.inFlight, ["slowest"])
  for (const name of ["a", "b"]) {
    bench.dial(name)
    t.same(bench.world.inFlight, ["slowest", name])
    bench.world.end(name, "192.0.2.1")
  }
  leave()
  bench.world.end("slowest", NO_SERVER)
  t.same(bench.world.inFlight, ["slow"])
  bench.world.end("slow", "192.0.2.9")
  t.same(await bench.news(), ["192.0.2.1", "192.0.2.1", "192.0.2.9"])
})

t.test("a slow name that is queued gets its turn before slower ones", async (t) => {
  const bench = new Bench(2)
  await bench.lookUp("dead", NO_SERVER, 20_000)
  await bench.lookUp("deader", NO_SERVER, 20_000)
  await bench.lookUp("hiccup", NO_SERVER, 600)
  bench.world.pass(1000)
  for (const name of ["dead", "deader", "hiccup"]) bench.dial(name)
  bench.world.end("dead", NO_SERVER)
  t.same(bench.world.inFlight, ["hiccup"])
})

t.test("ten dead names delay a healthy one at most until each has been tried once", async (t) => {
  const bench = new Bench(2)
  const dead = Array.from({ length: 10 }, (_, index) => `dead-${index}`)
  for (const name of dead) bench.dial(name)
  bench.dial("healthy")
  for (let round = 0; round < 5; round++) {
    bench.world.pass(10_000)
    for (const name of bench.world.inFlight) bench.world.end(name, NO_SERVER)
  }
  t.same(bench.world.inFlight, ["healthy"])
  bench.world.end("healthy", "192.0.2.1")
  await bench.news()
  for (let round = 0; round < 20; round++) {
    bench.world.pass(2000)
    for (const name of dead) bench.dial(name)
    bench.dial("healthy")
    bench.world.end("healthy", "192.0.2.1")
    t.ok((await bench.news()).includes("192.0.2.1"), "and never after that")
  }
})

const ages: readonly { ageMs: number; result: string }[] = [
  { ageMs: 1000, result: "192.0.2.1" },
  { ageMs: 59_000, result: "192.0.2.1" },
  { ageMs: 60_000, result: "" },
]

for (const { ageMs, result } of ages) {
  const title = result === "" ? "no longer stand in" : "stand in"
  t.test(`addresses found ${ageMs} ms ago ${title} for a slow lookup`, async (t) => {
    const bench = new Bench()
    await bench.lookUp("a", "192.0.2.1")
    bench.world.pass(ageMs)
    bench.dial("a")
    bench.world.pass(499)
    t.same(await bench.news(), [], "a lookup is given half a second")
    bench.world.pass(1)
    t.same(await bench.news(), result === "" ? [] : [result])
    bench.dial("a")
    t.same(await bench.news(), result === "" ? [] : [result])
    bench.world.end("a", "192.0.2.2")
    t.same(await bench.news(), result === "" ? ["192.0.2.2", "192.0.2.2"] : [])
    bench.dial("a")
    t.same(await bench.news(), ["192.0.2.2"], "until the lookup has ended")
  })
}

const failures: readonly { error: Error; result: string; title: string }[] = [
  { error: NO_SERVER, result: "192.0.2.1", title: "still used if no name server could be reached" },
  {
    error: UNKNOWN,
    result: "resolve_failed",
    title: "dropped if a name server says that the name does not exist",
  },
]

for (const { error, result, title } of failures) {
  t.test(`the last addresses of a name are ${title}`, async (t) => {
    const bench = new Bench()
    await bench.lookUp("a", "192.0.2.1")
    bench.world.pass(2000)
    bench.dial("a")
    bench.world.end("a", error)
    bench.dial("a")
    t.same(await bench.news(), [result, result])
    bench.world.pass(1000)
    bench.dial("a")
    bench.world.end("a", NO_SERVER)
    t.same(await bench.news(), [result], "and again at the next lookup")
  })
}

t.test("a dial does not wait for a lookup that has already taken longer than its timeout", async (t) => {
  const bench = new Bench()
  bench.dial("a", 3000)
  bench.world.pass(2999)
  bench.dial("a", 3000)
  t.same(await bench.news(), [])
  bench.world.pass(1)
  bench.dial("a", 3000)
  t.same(await bench.news(), ["resolve_timeout"])
  bench.dial("a", 3001)
  bench.world.end("a", "192.0.2.1")
  t.same(await bench.news(), ["192.0.2.1", "192.0.2.1", "192.0.2.1"])
})

t.test("a name is forgotten a minute after its last lookup, unless a dial waits for it", async (t) => {
  const bench = new Bench(3)
  for (let i = 0; i < 1000; i++) await bench.lookUp(`gone-${i}`, i % 2 === 0 ? UNKNOWN : "192.0.2.1")
  bench.dial("hangs")
  bench.world.pass(60_000)
  await bench.lookUp("b", "192.0.2.2")
  t.equal(bench.resolver.size, 2)
  t.equal(bench.world.timers, 0, "no timer is left")
  bench.world.end("hangs", "192.0.2.3")
  t.same(await bench.news(), ["192.0.2.3"])
})

function checkPlaces(t: Test, threads: string | undefined, places: number): void {
  t.equal(lookupPlaces(threads), places, `UV_THREADPOOL_SIZE=${threads}`)
}

t.test("there are as many places as libuv runs concurrent lookups", async (t) => {
  checkPlaces(t, "4", 2)
  checkPlaces(t, "1", 1)
  checkPlaces(t, "2", 1)
  checkPlaces(t, "3", 2)
  checkPlaces(t, "16", 8)
  checkPlaces(t, "0", 1)
  checkPlaces(t, "many", 1)
  checkPlaces(t, "", 1)
})
