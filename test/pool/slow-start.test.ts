import t from "tap"
import { CELLS_PER_BACKEND } from "../../lib/pool/backend-cells.js"
import type { BackendInput } from "../../lib/pool/backend-settings.js"
import { Pool } from "../../lib/pool/pool.js"
import { OWN_ROWS } from "../../lib/pool/pool-rows.js"
import type { PoolOptions } from "../../lib/pool/pool-settings.js"
import { beginSlowStart, startedPart } from "../../lib/pool/slow-start.js"
import { FakeClock } from "../support/clock/fake-clock.js"
import { poolRequest } from "../support/pool/pool-request.js"
import { seededRandom } from "../support/project/random.js"

const SLOW_START_MS = 10_000
const SESSIONS = 4000

function poolOf(backends: readonly BackendInput[], settings: PoolOptions = {}) {
  const clock = new FakeClock(123)
  const options = { slow_start_ms: SLOW_START_MS, fail_timeout_ms: 1000, health_check: {}, ...settings }
  return { clock, pool: new Pool(backends, options, clock, OWN_ROWS, seededRandom(7)) }
}

/** The part of the sessions that begin with this backend. With `held` their places are kept until the end. */
function partOf(pool: Pool, name: string, { held = false, target = "/chat" } = {}): number {
  let part = 0
  const places: { release(): void }[] = []
  for (let session = 0; session < SESSIONS; session++) {
    const [backend] = pool.reserve(poolRequest(target), "192.0.2.1")
    if (backend?.name === name) part += 1 / SESSIONS
    if (backend !== undefined && held) places.push(backend)
    else backend?.release()
  }
  for (const place of places) place.release()
  return part
}

function about(part: number, expected: number): boolean {
  return Math.abs(part - expected) < 0.03
}

for (const startMs of [0, 2 ** 31 - 500, 2 ** 32 - 500, 2 ** 40, -1]) {
  t.test(`the part grows linearly with a clock that begins at ${startMs}`, async (t) => {
    const cells = new Int32Array(CELLS_PER_BACKEND)
    t.equal(startedPart(cells, 1000, startMs | 0), 1, "no slow start has begun")
    beginSlowStart(cells, startMs | 0)
    const parts = [0, 1, 250, 500, 999, 1000, 5000].map((ms) => startedPart(cells, 1000, (startMs + ms) | 0))
    t.same(parts, [0, 0.001, 0.25, 0.5, 0.999, 1, 1])
    t.equal(startedPart(cells, 1000, (startMs + 2 ** 32 + 250) | 0), 1, "it does not begin again")
  })
}

const POLICIES: { settings: PoolOptions; usual: number; held: boolean }[] = [
  { settings: { balance: "round_robin" }, usual: 1 / 3, held: false },
  { settings: { balance: "least_connections" }, usual: 1 / 3, held: false },
  { settings: { balance: "random" }, usual: 1 / 3, held: false },
  { settings: { balance: "hash", hash_key: "header:x-none" }, usual: 1 / 3, held: false },
]

for (const { settings, usual, held } of POLICIES) {
  t.test(`with ${settings.balance} an added backend gets a share that grows linearly`, async (t) => {
    const { clock, pool } = poolOf(["a:1", "b:1"], settings)
    pool.add("c:1")
    for (const part of [0, 0.25, 0.5, 0.75, 1]) {
      const got = partOf(pool, "c:1", { held })
      t.ok(about(got, usual * part), `${got} of the sessions at ${part} of the time`)
      clock.advance(SLOW_START_MS / 4)
    }
  })
}

t.test("the share grows to that of the backend's weight", async (t) => {
  const { clock, pool } = poolOf(["a:1", { address: "b:1", weight: 2 }])
  pool.add({ address: "c:1", weight: 3 })
  for (const part of [0, 0.2, 0.4, 0.6, 0.8, 1]) {
    const got = partOf(pool, "c:1")
    t.ok(about(got, part / 2), `${got} at ${part}`)
    clock.advance(SLOW_START_MS / 5)
  }
})

t.test("an empty backend among loaded ones gets no more than the grown part of the sessions", async (t) => {
  for (const balance of ["least_connections", "random"] as const) {
    const { clock, pool } = poolOf(["a:1"], { balance })
    const [a] = pool.members
    for (let session = 0; session < 10 * SESSIONS; session++) a?.acquire()
    pool.add("b:1")
    clock.advance(SLOW_START_MS / 10)
    t.ok(about(partOf(pool, "b:1", { held: true }), 0.1), balance)
  }
})

const RETURNS: { title: string; comeBack: (pool: Pool, clock: FakeClock) => void }[] = [
  {
    title: "whose trial succeeds",
    comeBack(pool, clock) {
      const [a] = pool.members
      if (a === undefined) throw new Error("no backend")
      for (let fail = 0; fail < 3; fail++) pool.failed(a, "no_response")
      clock.advance(1000)
      pool.passed(a, "handshake")
    },
  },
  {
    title: "that passes its health checks again",
    comeBack(pool) {
      const [a] = pool.members
      if (a === undefined) throw new Error("no backend")
      for (const fault of ["x", "x", "x", undefined, undefined]) pool.checked(a, fault)
    },
  },
]

for (const { title, comeBack } of RETURNS) {
  t.test(`a backend ${title} starts slowly`, async (t) => {
    const { clock, pool } = poolOf(["a:1", "b:1"])
    t.ok(about(partOf(pool, "a:1"), 0.5), "it has its usual share from the start")
    comeBack(pool, clock)
    clock.advance(SLOW_START_MS / 2)
    t.ok(about(partOf(pool, "a:1"), 0.25))
    clock.advance(SLOW_START_MS / 2)
    t.ok(about(partOf(pool, "a:1"), 0.5))
  })
}

t.test("without slow_start_ms an added backend has its usual share at once", async (t) => {
  const { pool } = poolOf(["a:1"], { slow_start_ms: 0 })
  pool.add("b:1")
  t.ok(about(partOf(pool, "b:1"), 0.5))
})

t.test("a backend in slow start is dialled when the others fail, and when there is no other", async (t) => {
  const { pool } = poolOf([{ address: "x:1", backup: true }])
  pool.add("b:1")
  pool.add("c:1")
  for (let session = 0; session < 10; session++) {
    const names = [...pool.reserve(poolRequest(), "")].map((backend) => {
      backend.release()
      return backend.name
    })
    t.same(names.toSorted(), ["b:1", "c:1", "x:1"])
    t.equal(names.at(-1), "x:1", "a backup stays behind the primaries")
  }
})

t.test("hash_key and sticky cookies place sessions as ever", async (t) => {
  const settings = { balance: "hash", hash_key: "path" } as const
  const target = Array.from({ length: 100 }, (_, number) => `/${number}`).find((path) => {
    const [first] = new Pool(["a:1", "b:1"], settings).reserve(poolRequest(path), "")
    return first?.name === "b:1"
  })
  const { pool } = poolOf(["a:1"], settings)
  pool.add("b:1")
  t.equal(partOf(pool, "b:1", { target }), partOf(pool, "b:1", { target }))
  t.ok(partOf(pool, "b:1", { target }) > 0.99)

  const { pool: sticky } = poolOf(["a:1"], { sticky_cookie: "rws" })
  sticky.add("b:1")
  const [, b] = sticky.members
  if (b === undefined) throw new Error("no backend")
  const field = JSON.stringify(sticky.stickyField(b, poolRequest(), false))
  const [, cookie = ""] = /(rws=[\w-]+)/.exec(field) ?? []
  t.not(cookie, "", field)
  for (let session = 0; session < 10; session++) {
    const [backend] = sticky.reserve(poolRequest("/", ["Cookie", cookie]), "")
    t.equal(backend?.name, "b:1")
  }
})

t.test("a reload that ends a drain begins a slow start, and one that changes nothing does not", async (t) => {
  const { clock, pool } = poolOf(["a:1", { address: "b:1", drain: true }])
  const [, drained] = pool.members
  const startedNow = () => startedPart(drained?.cells ?? new Int32Array(), SLOW_START_MS, clock.nowMs() | 0)
  const reload = (drain: boolean) => {
    pool.adopt(new Pool(["a:1", { address: "b:1", drain }], { slow_start_ms: SLOW_START_MS }))
  }
  reload(true)
  t.equal(startedNow(), 1)
  reload(false)
  t.equal(startedNow(), 0)
  clock.advance(SLOW_START_MS / 2)
  reload(false)
  t.equal(startedNow(), 0.5)
})
