import t from "tap"
import type { CloseReason } from "../../lib/close-reason.js"
import { Attempt } from "../../lib/pool/attempt.js"
import type { Backend } from "../../lib/pool/backend.js"
import { CELL } from "../../lib/pool/backend-cells.js"
import { isUp } from "../../lib/pool/health.js"
import { Pool } from "../../lib/pool/pool.js"
import type { PoolOptions } from "../../lib/pool/pool-settings.js"
import { FakeClock } from "../support/clock/fake-clock.js"
import { poolRequest } from "../support/pool/pool-request.js"
import { between, seededRandom } from "../support/project/random.js"

const FAIL_TIMEOUT_MS = 10_000

function poolOf(settings: PoolOptions = {}) {
  const clock = new FakeClock()
  const pool = new Pool(["a:1", "b:1"], { fail_timeout_ms: FAIL_TIMEOUT_MS, ...settings }, clock)
  const [a, b] = pool.members
  if (a === undefined || b === undefined) throw new Error("no backends")
  return { clock, pool, a, b, fails: (backend = a) => Atomics.load(backend.cells, CELL.fails) }
}

/** How an attempt goes on from its beginning. */
const WAYS = {
  "refuses the connection": (attempt: Attempt) => attempt.failed("backend_unreachable"),
  "does not accept": (attempt: Attempt) => attempt.failed("connect_timeout"),
  hangs: (attempt: Attempt) => dialledThen(attempt, "handshake_timeout"),
  closes: (attempt: Attempt) => dialledThen(attempt, "no_response"),
  "sends nonsense": (attempt: Attempt) => dialledThen(attempt, "bad_response"),
  "sends too much": (attempt: Attempt) => dialledThen(attempt, "response_too_large"),
  "sends a wrong 101": (attempt: Attempt) => dialledThen(attempt, "bad_101"),
  "responds 503": (attempt: Attempt) => respond(attempt, 503),
  "responds 404": (attempt: Attempt) => respond(attempt, 404),
  "responds 101": (attempt: Attempt) => respond(attempt, 101),
  "loses its client while it is dialled": (attempt: Attempt) => attempt.failed("client_aborted_in_dial"),
  "loses its client in the handshake": (attempt: Attempt) =>
    dialledThen(attempt, "client_aborted_in_handshake"),
  "cannot be dialled for lack of ports": (attempt: Attempt) => attempt.failed("local_exhaustion"),
  "has a name that cannot be resolved": (attempt: Attempt) => attempt.failed("resolve_failed"),
  "is in use when rws shuts down": (attempt: Attempt) => dialledThen(attempt, "drain_timeout"),
}

function dialledThen(attempt: Attempt, reason: CloseReason): void {
  attempt.dialled()
  attempt.failed(reason)
}

function respond(attempt: Attempt, status: number): void {
  attempt.dialled()
  attempt.responded(status)
}

type Way = keyof typeof WAYS

const DIAL: Way[] = ["refuses the connection", "does not accept"]
const HANDSHAKE: Way[] = ["hangs", "closes", "sends nonsense", "sends too much", "sends a wrong 101"]

const COUNTED: { fail_on?: string[]; fails: Way[] }[] = [
  { fails: [...DIAL, ...HANDSHAKE] },
  { fail_on: ["dial"], fails: DIAL },
  { fail_on: ["handshake"], fails: HANDSHAKE },
  { fail_on: ["status:503"], fails: ["responds 503"] },
  { fail_on: ["dial", "handshake", "status:503"], fails: [...DIAL, ...HANDSHAKE, "responds 503"] },
]

for (const { fail_on, fails } of COUNTED) {
  for (const way of Object.keys(WAYS) as Way[]) {
    const counts = fails.includes(way)
    const title = `with fail_on ${fail_on?.join(", ") ?? "by default"} a backend that ${way}`
    t.test(`${title} is ${counts ? "" : "never "}ejected`, async (t) => {
      const { pool, a } = poolOf({ fail_on })
      for (let session = 0; session < 3; session++) {
        t.equal(isUp(a.cells), true)
        WAYS[way](new Attempt(pool, a))
      }
      t.equal(isUp(a.cells), !counts)
    })
  }
}

t.test(
  "a backend counts its dials, and the attempts that failed by its fault, whatever fail_on says",
  async (t) => {
    const { pool, a } = poolOf({ fail_on: ["dial"], max_fails: 0 })
    for (const way of Object.keys(WAYS) as Way[]) WAYS[way](new Attempt(pool, a))
    t.equal(a.dials, Object.keys(WAYS).length)
    t.equal(a.failures, DIAL.length + HANDSHAKE.length)
  },
)

const SUCCESSES: { fail_on: string[]; way: Way; resets: boolean }[] = [
  { fail_on: ["dial", "handshake"], way: "responds 101", resets: true },
  { fail_on: ["dial", "handshake"], way: "responds 404", resets: true },
  { fail_on: ["dial", "handshake"], way: "responds 503", resets: true },
  { fail_on: ["dial", "handshake"], way: "hangs", resets: false },
  { fail_on: ["dial", "handshake"], way: "loses its client in the handshake", resets: false },
  { fail_on: ["dial", "status:503"], way: "hangs", resets: false },
  { fail_on: ["dial", "status:503"], way: "responds 404", resets: true },
  { fail_on: ["dial"], way: "hangs", resets: true },
  { fail_on: ["dial"], way: "loses its client while it is dialled", resets: false },
]

for (const { fail_on, way, resets } of SUCCESSES) {
  t.test(
    `with fail_on ${fail_on.join(", ")} a backend that ${way} has ${resets ? "" : "not "}passed`,
    async (t) => {
      const { pool, a } = poolOf({ fail_on, max_fails: 100 })
      const failing = fail_on.includes("dial") ? "refuses the connection" : "responds 503"
      WAYS[failing](new Attempt(pool, a))
      WAYS[way](new Attempt(pool, a))
      t.equal(Atomics.load(a.cells, CELL.fails) === 0, resets)
    },
  )
}

t.test("a trial is passed by its handshake, not by its dial", async (t) => {
  const { clock, pool, a, b } = poolOf({ max_fails: 1 })
  WAYS.hangs(new Attempt(pool, a))
  clock.advance(FAIL_TIMEOUT_MS)
  const trial = trialOf(pool, a)
  trial.dialled()
  t.equal(isUp(a.cells), false)
  for (let session = 0; session < 4; session++) t.same(reservedBy(pool), [b], "no second trial meanwhile")
  trial.failed("handshake_timeout")
  clock.advance(2 * FAIL_TIMEOUT_MS - 1)
  t.same([...new Set([1, 2, 3, 4].flatMap(() => reservedBy(pool)))], [b], "its failure doubles the ejection")
  clock.advance(1)
  const next = trialOf(pool, a)
  next.dialled()
  next.responded(101)
  t.equal(isUp(a.cells), true)
})

t.test(
  "a trial may take as long as a dial and a handshake may, before another session gets one",
  async (t) => {
    const { clock, pool, a, b } = poolOf({ max_fails: 1, fail_timeout_ms: 1000 })
    new Attempt(pool, a).failed("no_response")
    clock.advance(1000)
    const attemptMs = 15_000
    t.ok([1, 2].some(() => reservedBy(pool, attemptMs).includes(a)))
    clock.advance(attemptMs - 1)
    for (let session = 0; session < 4; session++) t.same(reservedBy(pool, attemptMs), [b])
    clock.advance(1)
    t.ok([1, 2].some(() => reservedBy(pool, attemptMs).includes(a)))
  },
)

t.test("handshakes that began before an ejection neither extend it nor fail a trial", async (t) => {
  const { clock, pool, a } = poolOf({ max_fails: 1, fail_timeout_ms: 1000 })
  const early = Array.from({ length: 5 }, () => new Attempt(pool, a))
  new Attempt(pool, a).failed("no_response")
  clock.advance(1000)
  const trial = trialOf(pool, a)
  for (const attempt of early) attempt.failed("handshake_timeout")
  t.equal(Atomics.load(a.cells, CELL.trial), 1, "the trial goes on")
  trial.responded(101)
  t.equal(isUp(a.cells), true)
})

t.test("handshakes that began before a backend came back do not eject it again", async (t) => {
  const { pool, a } = poolOf({ max_fails: 1, health_check: {} })
  const early = Array.from({ length: 5 }, () => new Attempt(pool, a))
  new Attempt(pool, a).failed("handshake_timeout")
  for (let check = 0; check < 2; check++) pool.checked(a, undefined)
  t.equal(isUp(a.cells), true)
  for (const attempt of early) attempt.failed("handshake_timeout")
  t.equal(isUp(a.cells), true)
  new Attempt(pool, a).failed("handshake_timeout")
  t.equal(isUp(a.cells), false)
})

t.test("failed handshakes never eject the last backend that is up", async (t) => {
  const { pool, a, b } = poolOf({ max_fails: 1 })
  for (const backend of [a, b]) for (let fail = 0; fail < 3; fail++) WAYS.hangs(new Attempt(pool, backend))
  t.same([isUp(a.cells), isUp(b.cells)], [false, true])
})

t.test(
  "the count is exactly that of the failures since the last success, whatever else happens",
  async (t) => {
    const random = seededRandom(10)
    const ways = Object.keys(WAYS) as Way[]
    for (let round = 0; round < 100; round++) {
      const { pool, a, b } = poolOf({ max_fails: 1_000_000, fail_on: ["dial", "handshake", "status:503"] })
      const expected = new Map<Backend, number>()
      for (let step = 0; step < 100; step++) {
        const backend = random() < 0.5 ? a : b
        const way = ways[between(random, 0, ways.length - 1)] ?? "hangs"
        WAYS[way](new Attempt(pool, backend))
        const before = expected.get(backend) ?? 0
        if (way === "responds 101" || way === "responds 404") expected.set(backend, 0)
        else if ([...DIAL, ...HANDSHAKE, "responds 503"].includes(way)) expected.set(backend, before + 1)
      }
      for (const backend of [a, b]) {
        t.equal(Atomics.load(backend.cells, CELL.fails), expected.get(backend) ?? 0, `round ${round}`)
      }
    }
  },
)

/** The backends that one session gets. */
function reservedBy(pool: Pool, attemptMs = 0): Backend[] {
  const [backend] = pool.reserve(poolRequest(), "192.0.2.1", attemptMs)
  backend?.release()
  return backend === undefined ? [] : [backend]
}

/** The attempt of the session that tries this backend. */
function trialOf(pool: Pool, backend: Backend): Attempt {
  for (let session = 0; session < 2; session++) {
    if (reservedBy(pool)[0] === backend) return new Attempt(pool, backend)
  }
  throw new Error("no session tries it")
}
