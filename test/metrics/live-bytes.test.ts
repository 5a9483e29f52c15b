import t from "tap"
import { LiveBytes, WALK_INTERVAL_MS } from "../../lib/metrics/live-bytes.js"
import { CELL } from "../../lib/metrics/meter-cells.js"
import { Backend } from "../../lib/pool/backend.js"
import { type LiveSession, SessionRegistry } from "../../lib/session/registry.js"
import { FakeClock } from "../support/clock/fake-clock.js"
import { between, seededRandom } from "../support/project/random.js"
import { liveSession } from "../support/session/live-session.js"

type Moving = { -readonly [Key in keyof LiveSession]: LiveSession[Key] }

function start(row = new Float64Array(100)) {
  const clock = new FakeClock()
  const registry: SessionRegistry = new SessionRegistry((session) => bytes.left(session))
  const bytes = new LiveBytes(row, registry, clock)
  const add = (fromClient = 0, fromBackend = 0, backend?: Backend): Moving => {
    const session: Moving = liveSession({
      id: registry.nextId(),
      backend,
      bytesFromClient: fromClient,
      bytesFromBackend: fromBackend,
    })
    registry.add(session)
    return session
  }
  const counted = () => [row[CELL.bytesFromClient], row[CELL.bytesFromBackend]]
  return { clock, registry, bytes, add, counted }
}

t.test("bytes are counted while tunnels live, and not twice when they end", async (t) => {
  const { clock, registry, add, counted } = start()
  const one = add(10, 20)
  add(1, 2)
  t.same(counted(), [0, 0])
  clock.advance(WALK_INTERVAL_MS)
  t.same(counted(), [11, 22])
  one.bytesFromClient = 15
  registry.delete(one)
  t.same(counted(), [11, 22], "it is counted by the next walk")
  clock.advance(WALK_INTERVAL_MS)
  t.same(counted(), [16, 22])
  clock.advance(WALK_INTERVAL_MS)
  t.same(counted(), [16, 22])
})

t.test("a walk over many sessions pauses between slices", async (t) => {
  const { clock, add, counted } = start()
  for (let session = 0; session < 5000; session++) add(1, 1)
  clock.advance(WALK_INTERVAL_MS)
  t.same(counted(), [0, 0], "not all of them have been visited")
  clock.advance(2)
  t.same(counted(), [5000, 5000])
})

t.test("a session that ends during a walk is counted once, visited or not", async (t) => {
  const { clock, registry, add, counted } = start()
  const sessions = Array.from({ length: 5000 }, () => add(1))
  const [first] = sessions
  const last = sessions.at(-1)
  if (first === undefined || last === undefined) throw new Error("no sessions")
  clock.advance(WALK_INTERVAL_MS)
  for (const session of [first, last]) {
    session.bytesFromClient = 101
    registry.delete(session)
  }
  add(1000)
  clock.advance(2)
  t.same(counted(), [6100, 0], "the first one as it was when it was visited")
  clock.advance(WALK_INTERVAL_MS + 2)
  t.same(counted(), [6200, 0])
})

t.test("the end counts what no walk has seen, also in the middle of one", async (t) => {
  const { clock, registry, bytes, add, counted } = start()
  const sessions = Array.from({ length: 3000 }, () => add(1, 2))
  clock.advance(WALK_INTERVAL_MS)
  for (const session of sessions) registry.delete(session)
  bytes.stop()
  t.same(counted(), [3000, 6000])
  bytes.stop()
  t.same(counted(), [3000, 6000], "and it may be told again")
  t.equal(clock.pending, 0)
})

t.test("a row is continued by the next thread", async (t) => {
  const row = new Float64Array(100)
  row[CELL.bytesFromClient] = 7
  const { clock, add, counted } = start(row)
  add(1, 1)
  clock.advance(WALK_INTERVAL_MS)
  t.same(counted(), [8, 1])
})

t.test("whatever comes and goes, the counters never go back and end exact", async (t) => {
  const random = seededRandom(11)
  const { clock, registry, bytes, add, counted } = start()
  const live: Moving[] = []
  const backends = [new Backend("a:1"), new Backend("b:1")]
  let sum = 0
  let before = 0
  for (let step = 0; step < 2000; step++) {
    for (let count = between(random, 0, 6); count > 0; count--)
      live.push(add(0, 0, backends[between(random, 0, 1)]))
    for (const session of live) {
      const moved = between(random, 0, 3)
      session.bytesFromClient += moved
      sum += moved
    }
    for (let count = between(random, 0, 4); count > 0 && live.length > 0; count--) {
      const [gone] = live.splice(between(random, 0, live.length - 1), 1)
      if (gone !== undefined) registry.delete(gone)
    }
    clock.advance(between(random, 0, 3) === 0 ? WALK_INTERVAL_MS : 1)
    const [now = 0] = counted()
    if (now < before || now > sum) t.fail(`${before}, then ${now} of ${sum}`)
    before = now
  }
  for (const session of live) registry.delete(session)
  bytes.stop()
  t.equal(counted()[0], sum)
  const [a = 0, b = 0] = backends.map(({ bytesFromClient }) => bytesFromClient)
  t.ok(a > 0 && b > 0)
  t.equal(a + b, sum, "each byte is counted for one backend")
})

t.test("bytes are counted by backend, also of a session that was visited before it had one", async (t) => {
  const { clock, registry, add, counted } = start()
  const [one, other] = [new Backend("a:1"), new Backend("b:1")]
  const first = add(1, 2, one)
  const pending = add()
  for (let session = 0; session < 2500; session++) add(1, 1, other)
  clock.advance(WALK_INTERVAL_MS)
  pending.backend = one
  pending.bytesFromClient = 10
  registry.delete(pending)
  registry.delete(first)
  clock.advance(1)
  t.same(counted(), [2501, 2502])
  t.same([one.bytesFromClient, one.bytesFromBackend, other.bytesFromClient], [1, 2, 2500])
  clock.advance(WALK_INTERVAL_MS + 1)
  clock.advance(WALK_INTERVAL_MS + 1)
  t.same([one.bytesFromClient, one.bytesFromBackend, other.bytesFromClient], [11, 2, 2500])
  t.same(counted(), [2511, 2502])
})
