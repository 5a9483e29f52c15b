/** Which backends a session may dial, by their state: primaries, backups, full ones, those that are down. */

import t from "tap"
import { AddressError } from "../../lib/address/address.js"
import type { Backend } from "../../lib/pool/backend.js"
import type { BackendInput } from "../../lib/pool/backend-settings.js"
import type { HealthChange } from "../../lib/pool/health.js"
import { Pool } from "../../lib/pool/pool.js"
import type { PoolSettings } from "../../lib/pool/pool-settings.js"
import { SettingError } from "../../lib/settings/setting-error.js"
import { FakeClock } from "../support/clock/fake-clock.js"
import { poolRequest } from "../support/pool/pool-request.js"
import { triedBy } from "../support/pool/tried-by.js"
import { between, seededRandom } from "../support/project/random.js"
import { thrownBy } from "../support/project/thrown.js"

const HEALTH_CHECK = { healthy_threshold: 2, unhealthy_threshold: 3 }

/**
 * A pool with a clock that is set by hand, whose backends are spoken of by the first letter of their address.
 */
function poolOf(backends: readonly BackendInput[], settings: Partial<PoolSettings> = {}) {
  const clock = new FakeClock()
  const pool = new Pool(backends, { health_check: HEALTH_CHECK, ...settings }, clock)
  const changes: HealthChange[] = []
  pool.onHealthChange((change) => changes.push(change))
  const get = (letter: string) => {
    const member = pool.members.find(({ name }) => name.startsWith(letter))
    if (member === undefined) throw new Error(`no backend ${letter}`)
    return member
  }
  return {
    pool,
    changes,
    get,
    wait: (ms: number) => clock.advance(ms),
    /** The letters of the backends that one session dials when every dial fails, in order. */
    tried: (request = poolRequest()) =>
      triedBy(pool, request)
        .map(({ name }) => name.charAt(0))
        .join(""),
    /** One session. Each call fails its last dial, if any, and returns the letter of the next backend. */
    session: () => {
      const reserved = pool.reserve(poolRequest(), "192.0.2.1")
      let last: Backend | undefined
      return () => {
        last?.release()
        last = reserved.next().value ?? undefined
        return last?.name.charAt(0)
      }
    },
    eject: (letters: string) => {
      for (const letter of letters) for (let dial = 0; dial < 3; dial++) pool.failed(get(letter), "refused")
    },
    makeUnhealthy: (letters: string) => {
      for (const letter of letters)
        for (let check = 0; check < 3; check++) pool.checked(get(letter), "refused")
    },
    makeHealthy: (letters: string) => {
      for (const letter of letters)
        for (let check = 0; check < 2; check++) pool.checked(get(letter), undefined)
    },
  }
}

const A = { address: "A:1", max_connections: 1 }
const B = { address: "B:1", max_connections: 1 }
const X = { address: "X:1", max_connections: 1, backup: true }
const Y = { address: "Y:1", max_connections: 1, backup: true }

const STATES: { ejected?: string; unhealthy?: string; full?: string; tried: string }[] = [
  { tried: "ABXY" },
  { ejected: "A", tried: "BXYA" },
  { unhealthy: "A", tried: "BXY" },
  { full: "A", tried: "BXY" },
  { full: "X", tried: "ABY" },
  { ejected: "AB", tried: "XYAB" },
  { unhealthy: "AB", tried: "XY" },
  { full: "AB", tried: "XY" },
  { ejected: "X", tried: "ABYX" },
  { ejected: "AX", tried: "BYAX" },
  { ejected: "ABX", tried: "YABX" },
  { ejected: "ABXY", tried: "YABX" },
  { ejected: "AX", unhealthy: "BY", tried: "AX" },
  { ejected: "ABX", unhealthy: "Y", tried: "ABX" },
  { ejected: "ABX", unhealthy: "AY", tried: "BX" },
  { ejected: "A", unhealthy: "BXY", tried: "A" },
  { ejected: "A", full: "B", tried: "XY" },
  { ejected: "A", unhealthy: "B", full: "X", tried: "Y" },
  { ejected: "ABX", full: "Y", tried: "" },
  { ejected: "ABX", full: "AY", tried: "" },
  { ejected: "ABX", unhealthy: "Y", full: "A", tried: "BX" },
  { ejected: "A", unhealthy: "BXY", full: "A", tried: "" },
  { unhealthy: "ABXY", tried: "" },
  { full: "ABXY", tried: "" },
  { unhealthy: "AB", full: "XY", tried: "" },
]

for (const { ejected = "", unhealthy = "", full = "", tried } of STATES) {
  const state = `ejected: "${ejected}", unhealthy: "${unhealthy}", full: "${full}"`
  t.test(`primaries A and B, backups X and Y: a session tries "${tried}" with ${state}`, async (t) => {
    const at = poolOf([A, X, B, Y])
    at.eject(ejected)
    at.makeUnhealthy(unhealthy)
    for (const letter of full) at.get(letter).acquire()
    t.equal(at.tried(), tried)
  })
}

for (const [max_tries, tried] of [
  [0, "ABXY"],
  [1, "A"],
  [3, "ABX"],
  [9, "ABXY"],
] as const) {
  t.test(`max_tries ${max_tries} bounds a session to "${tried}", backups included`, async (t) => {
    t.equal(poolOf([A, X, B, Y], { max_tries }).tried(), tried)
  })
}

t.test("a backend that a session acquires has a place taken until the session releases it", async (t) => {
  const at = poolOf([A, B])
  const next = at.session()
  t.same([next(), at.get("A").active], ["A", 1])
  t.equal(at.tried(), "B")
  t.same([next(), at.get("A").active, at.get("B").active], ["B", 0, 1])
  t.same([next(), at.get("B").active], [undefined, 0])
})

t.test("every change of state is reported once to each listener until it unsubscribes", async (t) => {
  const at = poolOf(["A:1", "B:1"])
  const more: HealthChange[] = []
  const end = at.pool.onHealthChange((change) => more.push(change))
  at.eject("A")
  at.pool.passed(at.get("A"), "dial")
  end()
  at.makeUnhealthy("B")
  at.makeHealthy("B")
  t.same(at.changes, [
    {
      backend: "A:1",
      isUp: false,
      reason: "3 attempts failed within 10000 ms, the last one by refused",
      forMs: 10_000,
    },
    { backend: "A:1", isUp: true, reason: "a dial succeeded" },
    { backend: "B:1", isUp: false, reason: "3 health checks failed: refused" },
    { backend: "B:1", isUp: true, reason: "2 health checks passed" },
  ])
  t.same(more, at.changes.slice(0, 2))
})

t.test("failed dials never eject the last backend that is up, and a backup counts as one", async (t) => {
  const alone = poolOf(["A:1"])
  alone.eject("AAAA")
  t.same([alone.tried(), alone.changes], ["A", []])
  const withBackup = poolOf(["A:1", X])
  withBackup.eject("A")
  t.equal(withBackup.tried(), "XA")
  withBackup.eject("XX")
  t.equal(withBackup.tried(), "XA")
  const withUnhealthy = poolOf(["A:1", "B:1"])
  withUnhealthy.makeUnhealthy("B")
  withUnhealthy.eject("A")
  t.equal(withUnhealthy.tried(), "A")
})

t.test("a backend whose ejection is over is not up yet: the last one that is up still stays", async (t) => {
  const at = poolOf(["A:1", "B:1"])
  at.eject("A")
  at.wait(10_000)
  t.equal(at.tried(), "AB")
  at.eject("B")
  t.same(
    at.changes.map(({ backend }) => backend),
    ["A:1"],
  )
})

t.test("one session tries a backend whose ejection is over; others try it last", async (t) => {
  const at = poolOf(["A:1", "B:1", "C:1"])
  t.same([at.tried(), at.tried()], ["ABC", "BCA"])
  at.eject("A")
  at.wait(10_000)
  const before = at.session()
  t.equal(before(), "C")
  const trial = at.session()
  t.equal(trial(), "A")
  t.match(at.tried(), /^(?:BC|CB)A$/)
  t.same([before(), before(), before()], ["B", "A", undefined], "though A came before B in its order")
  at.pool.passed(at.get("A"), "dial")
  t.same(new Set([at.tried(), at.tried(), at.tried()]), new Set(["ABC", "BCA", "CAB"]))
})

t.test("a session does not try a backend that health checks took down while it was dialling", async (t) => {
  const at = poolOf(["A:1", "B:1"])
  const next = at.session()
  t.equal(next(), "A")
  at.makeUnhealthy("B")
  t.equal(next(), undefined)
  t.equal(at.get("B").active, 0)
})

t.test("after a failed dial a session sees what changed meanwhile", async (t) => {
  const changes: [what: string, change: (at: ReturnType<typeof poolOf>) => void, next: string[]][] = [
    ["nothing", () => {}, ["X", "B"]],
    ["a primary is up again", (at) => at.pool.passed(at.get("B"), "dial"), ["B", "X"]],
    ["a primary has been added", (at) => at.pool.add("C:1"), ["C", "X", "B"]],
    ["the backup has been removed", (at) => at.pool.remove("X:1"), ["B"]],
    ["the ejected one is unhealthy too", (at) => at.makeUnhealthy("B"), ["X"]],
    ["the backup is full", (at) => at.get("X").acquire(), []],
  ]
  for (const [what, change, expected] of changes) {
    const at = poolOf(["A:1", "B:1", X])
    at.eject("B")
    const next = at.session()
    t.equal(next(), "A")
    change(at)
    t.same([...expected.map(next), next()], [...expected, undefined], what)
  }
})

t.test("a session does not claim the trial of a full backend", async (t) => {
  const at = poolOf([A, "B:1"])
  t.equal(at.tried(), "AB")
  const a = at.get("A")
  at.eject("A")
  at.wait(10_000)
  const next = at.session()
  t.equal(next(), "B")
  a.acquire()
  t.equal(next(), undefined)
  a.release()
  t.equal(at.tried(), "AB")
})

t.test("while all others are full, one session at a time tries an ejected backend", async (t) => {
  const at = poolOf([A, "B:1"])
  at.get("A").acquire()
  at.eject("B")
  t.equal(at.tried(), "", "its time is not over")
  at.wait(10_000)
  const trial = at.session()
  t.equal(trial(), "B")
  t.equal(at.tried(), "")
  at.pool.failed(at.get("B"), "refused")
  t.equal(trial(), undefined)
  at.wait(19_999)
  t.equal(at.tried(), "")
  at.wait(1)
  t.equal(at.tried(), "B")
})

t.test("as a last resort, sessions try an ejected backend without waiting for a trial", async (t) => {
  const at = poolOf(["A:1", "B:1"])
  at.eject("A")
  at.makeUnhealthy("B")
  for (let session = 0; session < 3; session++) t.equal(at.session()(), "A")
  at.wait(10_000)
  for (let session = 0; session < 3; session++) t.equal(at.session()(), "A")
})

t.test("failed dials of the last resort do not extend an ejection", async (t) => {
  const at = poolOf(["A:1", "B:1"])
  at.eject("A")
  for (let session = 0; session < 9; session++) {
    for (const backend of triedBy(at.pool)) at.pool.failed(backend, "refused")
  }
  at.wait(9_999)
  t.equal(at.tried(), "BA")
  at.wait(1)
  t.same(new Set([at.session()(), at.session()()]), new Set(["A", "B"]))
})

t.test("changes of a removed backend are not reported, and its counts disturb no other", async (t) => {
  const at = poolOf(["A:1", "B:1", "C:1"])
  const a = at.get("A")
  t.equal(a.acquire(), true)
  at.pool.remove("A:1")
  at.pool.add("D:1")
  for (let dial = 0; dial < 3; dial++) at.pool.failed(a, "refused")
  for (let check = 0; check < 3; check++) at.pool.checked(a, "refused")
  at.pool.passed(a, "dial")
  a.release()
  at.pool.add("E:1")
  for (let check = 0; check < 3; check++) at.pool.checked(a, "refused")
  t.equal(a.acquire(), true)
  t.same(at.changes, [])
  t.equal(at.tried(), "BCDE")
  t.same(
    at.pool.members.map(({ active }) => active),
    [0, 0, 0, 0],
  )
})

t.test("a backend that is removed and added again starts anew", async (t) => {
  const at = poolOf(["A:1", "B:1"])
  at.makeUnhealthy("A")
  at.pool.remove("A:1")
  at.pool.add("A:1")
  t.equal(at.tried(), "BA")
})

t.test("health checks count in a pool that has thresholds only", async (t) => {
  const pool = new Pool(["A:1", "B:1"])
  const [a] = pool.members
  if (a === undefined) throw new Error("no backend")
  for (let check = 0; check < 100; check++) pool.checked(a, "refused")
  t.equal(triedBy(pool).length, 2)
})

t.test("a client returns to the backend that its cookie names while that one is eligible", async (t) => {
  const at = poolOf(["A:1", "B:1", X], { sticky_cookie: "sid" })
  const line = at.pool.stickyField(at.get("B"), poolRequest(), true)?.line
  const cookie =
    /^Set-Cookie: (sid=[^;]+); Path=\/; HttpOnly; SameSite=Lax; Secure\r\n$/.exec(line ?? "")?.[1] ?? ""
  const request = poolRequest("/", ["Cookie", cookie])
  const first = () => triedBy(at.pool, request)[0]?.name
  for (let session = 0; session < 5; session++) t.equal(first(), "B:1")
  t.equal(at.pool.stickyField(at.get("B"), request, true), undefined)
  t.match(at.pool.stickyField(at.get("A"), request, true)?.line, /^Set-Cookie: sid=/)
  at.eject("B")
  t.equal(first(), "A:1")
  at.pool.passed(at.get("B"), "dial")
  t.equal(first(), "B:1")
})

t.test("a cookie that names a backup has no effect while a primary is eligible", async (t) => {
  const at = poolOf(["A:1", "B:1", X, Y], { sticky_cookie: "sid", sticky_secret: "s" })
  const line = at.pool.stickyField(at.get("Y"), poolRequest(), false)?.line
  const request = poolRequest("/", ["Cookie", /sid=[^;]+/.exec(line ?? "")?.[0] ?? ""])
  t.equal(at.tried(request), "ABYX")
  at.makeUnhealthy("AB")
  for (let session = 0; session < 4; session++) t.equal(triedBy(at.pool, request)[0]?.name, "Y:1")
})

t.test("a pool without sticky_cookie sets no cookie", async (t) => {
  const at = poolOf(["A:1"])
  t.equal(at.pool.stickyField(at.get("A"), poolRequest(), true), undefined)
})

t.test("with balance hash, hash_key chooses the backend", async (t) => {
  const pool = new Pool(["A:1", "B:1", "C:1"], { balance: "hash", hash_key: "client_ip" })
  const first = (ip: string) => triedBy(pool, poolRequest(), ip)[0]?.name
  const ips = Array.from({ length: 30 }, (_, index) => `192.0.2.${index}`)
  t.same(ips.map(first), ips.map(first))
  t.equal(new Set(ips.map(first)).size, 3)
  t.equal(new Set([first(""), first(""), first("")]).size, 3, "without a key they take turns")
})

const WRONG: { what: string; make: () => Pool; error: new (message: string) => Error }[] = [
  {
    what: "a hash without a key",
    make: () => new Pool("A:1", { balance: "hash" }),
    error: SettingError,
  },
  {
    what: "a hash of what is no key",
    make: () => new Pool("A:1", { balance: "hash", hash_key: "uri" }),
    error: SettingError,
  },
  {
    what: "a cookie's name that is none",
    make: () => new Pool("A:1", { sticky_cookie: "a b" }),
    error: SettingError,
  },
  {
    what: "a negative weight",
    make: () => new Pool([{ address: "A:1", weight: -1 }]),
    error: SettingError,
  },
  { what: "a table without a real address", make: () => new Pool([{ address: "A" }]), error: AddressError },
]

for (const { what, make, error } of WRONG) {
  t.test(`a pool is refused with ${what}`, async (t) => t.type(thrownBy(make), error))
}

t.test("a table and a string with the same address count once, and the first one stays", async (t) => {
  const pool = new Pool([{ address: "A:1", weight: 3 }, "A:1"])
  pool.add({ address: "A:1", weight: 5 })
  t.same(
    pool.members.map(({ name, weight }) => [name, weight]),
    [["A:1", 3]],
  )
})

t.test(
  "of many sessions at the same time each tries every backend, unless one of its dials succeeds",
  async (t) => {
    const random = seededRandom(17)
    for (let round = 0; round < 100; round++) {
      const backends = Array.from({ length: between(random, 1, 4) }, (_, index) => ({
        address: `${"ABCD".charAt(index)}:1`,
        backup: random() < 0.3,
      }))
      const at = poolOf(backends, { max_fails: between(random, 0, 3) })
      const all = at.pool.backends.toSorted()
      const begin = () => ({ reserved: at.pool.reserve(poolRequest(), ""), tried: [] as string[] })
      const sessions = [begin(), begin(), begin()]
      const ended: string[][] = []
      for (let step = 0; step < 300; step++) {
        at.wait(between(random, 0, 4000))
        const index = between(random, 0, sessions.length - 1)
        const { reserved, tried } = sessions[index] ?? begin()
        const backend = reserved.next().value
        if (backend === undefined) {
          ended.push(tried.toSorted())
          sessions[index] = begin()
          continue
        }
        tried.push(backend.name)
        backend.release()
        if (random() < 0.8) at.pool.failed(backend, "refused")
        else {
          at.pool.passed(backend, "dial")
          sessions[index] = begin()
        }
      }
      t.same(
        ended,
        ended.map(() => all),
        `round ${round}`,
      )
      t.same(new Set(at.pool.members.map(({ active }) => active)), new Set([0]), `round ${round}`)
    }
  },
)

t.test("reports of each backend alternate, and match what can be tried", async (t) => {
  const random = seededRandom(18)
  for (let round = 0; round < 50; round++) {
    const at = poolOf(["A:1", "B:1", "C:1"])
    for (let step = 0; step < 200; step++) {
      const backend = at.get("ABC".charAt(between(random, 0, 2)))
      if (random() < 0.5) at.pool.failed(backend, "refused")
      else if (random() < 0.1) at.pool.passed(backend, "dial")
      else at.pool.checked(backend, random() < 0.6 ? "refused" : undefined)
      if (random() < 0.1) at.wait(between(random, 0, 20_000))
    }
    t.ok(at.changes.length > 0)
    for (const { name } of at.pool.members) {
      const own = at.changes.filter((change) => change.backend === name).map(({ isUp }) => isUp)
      t.same(
        own,
        own.map((_, index) => index % 2 === 1),
      )
      if (own.at(-1) !== false) t.ok(triedBy(at.pool).some((one) => one.name === name))
    }
  }
})
