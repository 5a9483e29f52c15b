/** What the plans of a proxy ask about requests is kept, made again or stopped as they replace each other. */
import t from "tap"
import { jwtSchema } from "../../lib/access/jwt-schema.js"
import { Guards } from "../../lib/proxy/guards.js"
import { keyOf, type Service, Services } from "../../lib/proxy/services.js"
import { FakeClock } from "../support/clock/fake-clock.js"

class Counted implements Service {
  isStopped = false

  stop(): void {
    this.isStopped = true
  }
}

class Other extends Counted {}

const create = () => new Counted()

/** Longer than any session that began before the reload may still ask. */
const LINGER_MS = 60_000

t.test("what has the same key is the same service, in one plan and in the next", async (t) => {
  const clock = new FakeClock()
  const first = new Services(clock)
  const one = first.take(Counted, "a", create)
  t.equal(first.take(Counted, "a", create), one)
  const other = first.take(Counted, "b", create)
  t.not(other, one)
  first.start(LINGER_MS)
  const second = new Services(clock, first)
  t.equal(second.take(Counted, "a", create), one)
  second.start(LINGER_MS)
  clock.advance(LINGER_MS)
  t.equal(one.isStopped, false)
  t.equal(other.isStopped, true)
})

t.test("what is not kept is shared by one plan, and made again for the next", async (t) => {
  const clock = new FakeClock()
  const first = new Services(clock)
  const one = first.take(Counted, "a", create, { isKept: false })
  t.equal(first.take(Counted, "a", create, { isKept: false }), one)
  first.start(LINGER_MS)
  const second = new Services(clock, first)
  const next = second.take(Counted, "a", create, { isKept: false })
  t.not(next, one)
  t.equal(second.take(Counted, "a", create, { isKept: false }), next)
  second.start(LINGER_MS)
  t.equal(one.isStopped, false, "sessions that began before may still ask it")
  clock.advance(LINGER_MS)
  t.equal(one.isStopped, true)
  t.equal(next.isStopped, false)
})

t.test("a plan that does not start stops only what it has made", async (t) => {
  const clock = new FakeClock()
  const first = new Services(clock)
  const kept = first.take(Counted, "a", create)
  const files = first.take(Counted, "b", create, { isKept: false })
  first.start(LINGER_MS)
  const second = new Services(clock, first)
  second.take(Counted, "a", create)
  const added = second.take(Counted, "b", create, { isKept: false })
  second.abandon()
  t.same([kept.isStopped, files.isStopped, added.isStopped], [false, false, true])
})

t.test("a plan prepares each new service once", async (t) => {
  const clock = new FakeClock()
  const prepared: string[] = []
  const preparing = (name: string) => () =>
    Object.assign(new Counted(), { prepare: async () => void prepared.push(name) })
  const first = new Services(clock)
  for (const name of ["a", "a", "b"]) first.take(Counted, name, preparing(name))
  for (let times = 0; times < 2; times++) first.take(Counted, "c", preparing("c"), { isKept: false })
  await first.prepare()
  t.same(prepared, ["a", "b", "c"])
  first.start(LINGER_MS)
  const second = new Services(clock, first)
  second.take(Counted, "a", preparing("a"))
  second.take(Counted, "c", preparing("c again"), { isKept: false })
  await second.prepare()
  t.same(prepared, ["a", "b", "c", "c again"])
})

t.test("in the end all are stopped, those of earlier plans too", async (t) => {
  const clock = new FakeClock()
  const first = new Services(clock)
  const removed = first.take(Counted, "a", create)
  first.start(LINGER_MS)
  const second = new Services(clock, first)
  const last = second.take(Other, "b", () => new Other())
  second.start(LINGER_MS)
  second.stop()
  t.same([removed.isStopped, last.isStopped], [true, true])
})

t.test("keys tell kinds and settings apart", async (t) => {
  const keys = [
    keyOf("jwt", { a: 1 }),
    keyOf("jwt", { a: 2 }),
    keyOf("forward_auth", { a: 1 }),
    keyOf("jwt", undefined),
  ]
  t.equal(new Set(keys).size, keys.length)
  t.equal(keyOf("jwt", { a: 1 }), keyOf("jwt", { a: 1 }))
})

t.test("routes with the same key files share their check, and a reload makes a new one", async (t) => {
  const clock = new FakeClock()
  const hooks = { checks: [], locatorOver: () => undefined }
  const written = { key_files: ["/etc/rws/issuer.pem"] }
  const checkIn = (services: Services) => {
    const guards = new Guards(new Map(), hooks, services, { serviceFailed() {} }, clock)
    return guards.guard({ jwt: jwtSchema.parse(written), keep_key: false }, { jwt: written }, undefined)
      .checks[0]
  }
  const first = new Services(clock)
  const check = checkIn(first)
  t.ok(check)
  t.equal(checkIn(first), check)
  first.start(LINGER_MS)
  t.not(checkIn(new Services(clock, first)), check)
})
