/** Which backends a session may try, by what is known of them: primaries, backups, full ones, those that are down. */

import t from "tap"
import { AddressError } from "../../lib/address.js"
import type { HealthChange } from "../../lib/routing/health.js"
import { Pool } from "../../lib/routing/pool.js"
import type { BackendInput, PoolSettings } from "../../lib/routing/pool-settings.js"
import { SettingError } from "../../lib/setting-error.js"
import { poolRequest } from "../support/pool-request.js"
import { between, seededRandom } from "../support/random.js"
import { thrownBy } from "../support/thrown.js"

const HEALTH_CHECK = { healthy_threshold: 2, unhealthy_threshold: 3 }

/** A pool with a clock that is set by hand, whose backends are spoken of by the first letter of their address. */
function poolOf(backends: readonly BackendInput[], settings: Partial<PoolSettings> = {}) {
  let nowMs = 0
  const pool = new Pool(backends, { health_check: HEALTH_CHECK, ...settings }, () => nowMs)
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
    wait: (ms: number) => {
      nowMs += ms
    },
    /** The letters of the candidates, in alphabetical order. */
    candidates: (request = poolRequest()) =>
      pool
        .candidates(request, "192.0.2.1")
        .map(({ name }) => name.charAt(0))
        .sort()
        .join(""),
    takeOut: (letters: string) => {
      for (const letter of letters) for (let dial = 0; dial < 3; dial++) pool.dialFailed(get(letter))
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

const TIERS: { out?: string; unhealthy?: string; full?: string; candidates: string }[] = [
  { candidates: "AB" },
  { out: "A", candidates: "B" },
  { unhealthy: "A", candidates: "B" },
  { full: "A", candidates: "B" },
  { out: "AB", candidates: "XY" },
  { unhealthy: "AB", candidates: "XY" },
  { full: "AB", candidates: "XY" },
  { out: "A", full: "B", candidates: "XY" },
  { out: "A", unhealthy: "B", full: "X", candidates: "Y" },
  { out: "ABX", candidates: "Y" },
  { out: "ABXY", candidates: "Y" },
  { out: "AX", unhealthy: "BY", candidates: "AX" },
  { out: "ABX", unhealthy: "Y", candidates: "ABX" },
  { out: "ABX", unhealthy: "AY", candidates: "BX" },
  { out: "A", unhealthy: "BXY", candidates: "A" },
  { out: "ABX", full: "Y", candidates: "ABX" },
  { out: "ABX", full: "AY", candidates: "BX" },
  { unhealthy: "ABXY", candidates: "" },
  { full: "ABXY", candidates: "" },
  { unhealthy: "AB", full: "XY", candidates: "" },
]

for (const { out = "", unhealthy = "", full = "", candidates } of TIERS) {
  const told = `out: "${out}", unhealthy: "${unhealthy}", full: "${full}"`
  t.test(
    `of the primaries A and B and the backups X and Y, "${candidates}" are tried with ${told}`,
    async (t) => {
      const at = poolOf([A, X, B, Y])
      at.takeOut(out)
      at.makeUnhealthy(unhealthy)
      for (const letter of full) at.get(letter).tryReserve()
      t.equal(at.candidates(), candidates)
      for (const letter of candidates)
        t.equal(at.pool.tryReserve(at.get(letter)), true, `${letter} can be reserved`)
    },
  )
}

t.test("every change of state is told once to each listener until it ends that", async (t) => {
  const at = poolOf(["A:1", "B:1"])
  const more: HealthChange[] = []
  const end = at.pool.onHealthChange((change) => more.push(change))
  at.takeOut("A")
  at.pool.dialled(at.get("A"))
  end()
  at.makeUnhealthy("B")
  at.makeHealthy("B")
  t.same(at.changes, [
    { backend: "A:1", isUp: false, reason: "3 dials failed within 10000 ms", forMs: 10_000 },
    { backend: "A:1", isUp: true, reason: "a dial succeeded" },
    { backend: "B:1", isUp: false, reason: "3 health checks failed: refused" },
    { backend: "B:1", isUp: true, reason: "2 health checks passed" },
  ])
  t.same(more, at.changes.slice(0, 2))
})

t.test("failed dials never take out the last backend that is up, and a backup counts as one", async (t) => {
  const alone = poolOf(["A:1"])
  alone.takeOut("AAAA")
  t.same([alone.candidates(), alone.changes], ["A", []])
  const withBackup = poolOf(["A:1", X])
  withBackup.takeOut("A")
  t.equal(withBackup.candidates(), "X")
  withBackup.takeOut("XX")
  t.equal(withBackup.candidates(), "X")
  const withUnhealthy = poolOf(["A:1", "B:1"])
  withUnhealthy.makeUnhealthy("B")
  withUnhealthy.takeOut("A")
  t.equal(withUnhealthy.candidates(), "A")
})

t.test("a backend whose time out is over is not up: it saves no other one from staying in", async (t) => {
  const at = poolOf(["A:1", "B:1"])
  at.takeOut("A")
  at.wait(10_000)
  t.equal(at.candidates(), "AB")
  at.takeOut("B")
  t.same(
    at.changes.map(({ backend }) => backend),
    ["A:1"],
  )
})

t.test("one session tries a backend that was out; the others are sent past it meanwhile", async (t) => {
  const at = poolOf(["A:1", "B:1"])
  at.takeOut("A")
  at.wait(10_000)
  t.equal(at.candidates(), "AB")
  const a = at.get("A")
  t.equal(at.pool.tryReserve(a), true)
  t.equal(a.active, 1)
  t.equal(at.pool.tryReserve(a), false, "a session that had it in its order already")
  t.equal(a.active, 1)
  t.equal(at.candidates(), "B")
  at.pool.dialled(a)
  t.equal(at.candidates(), "AB")
  t.equal(at.pool.tryReserve(a), true)
})

t.test(
  "a session that had a backend in its order before the verdict may still have it, without a trial",
  async (t) => {
    const at = poolOf(["A:1", "B:1"])
    at.takeOut("A")
    at.wait(10_000)
    at.makeUnhealthy("A")
    for (let session = 0; session < 2; session++) t.equal(at.pool.tryReserve(at.get("A")), true)
  },
)

t.test("a full backend is not claimed for a trial by a session that can't have it", async (t) => {
  const at = poolOf([A, "B:1"])
  const a = at.get("A")
  at.pool.tryReserve(a)
  at.takeOut("A")
  at.wait(10_000)
  t.equal(at.pool.tryReserve(a), false)
  a.release()
  t.equal(at.pool.tryReserve(a), true)
})

t.test("where there is nothing else, a trial keeps no session out", async (t) => {
  const at = poolOf(["A:1", "B:1"])
  at.takeOut("A")
  at.makeUnhealthy("B")
  at.wait(10_000)
  for (let session = 0; session < 3; session++) {
    t.equal(at.candidates(), "A")
    t.equal(at.pool.tryReserve(at.get("A")), true)
  }
})

t.test("a backend that has been removed makes no news, and its memory no trouble", async (t) => {
  const at = poolOf(["A:1", "B:1", "C:1"])
  const a = at.get("A")
  t.equal(at.pool.tryReserve(a), true)
  at.pool.remove("A:1")
  at.pool.add("D:1")
  for (let dial = 0; dial < 3; dial++) at.pool.dialFailed(a)
  for (let check = 0; check < 3; check++) at.pool.checked(a, "refused")
  at.pool.dialled(a)
  a.release()
  at.pool.add("E:1")
  for (let check = 0; check < 3; check++) at.pool.checked(a, "refused")
  t.equal(at.pool.tryReserve(a), true)
  t.same(at.changes, [])
  t.equal(at.candidates(), "BCDE")
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
  t.equal(at.candidates(), "AB")
})

t.test("health checks count in a pool that has thresholds only", async (t) => {
  const pool = new Pool(["A:1", "B:1"])
  const [a] = pool.members
  if (a === undefined) throw new Error("no backend")
  for (let check = 0; check < 100; check++) pool.checked(a, "refused")
  t.equal(pool.candidates(poolRequest(), "").length, 2)
})

t.test(
  "a client goes back to the backend that its cookie names, for as long as it can be used",
  async (t) => {
    const at = poolOf(["A:1", "B:1", X], { sticky_cookie: "sid" })
    const line = at.pool.stickyField(at.get("B"), poolRequest(), true)
    const cookie =
      /^Set-Cookie: (sid=[^;]+); Path=\/; HttpOnly; SameSite=Lax; Secure\r\n$/.exec(line ?? "")?.[1] ?? ""
    const request = poolRequest("/", ["Cookie", cookie])
    const first = () => at.pool.candidates(request, "")[0]?.name
    for (let session = 0; session < 5; session++) t.equal(first(), "B:1")
    t.equal(at.pool.stickyField(at.get("B"), request, true), undefined)
    t.match(at.pool.stickyField(at.get("A"), request, true), /^Set-Cookie: sid=/)
    at.takeOut("B")
    t.equal(first(), "A:1")
    at.pool.dialled(at.get("B"))
    t.equal(first(), "B:1")
  },
)

t.test("a cookie that names a backup brings nobody there while a primary can be used", async (t) => {
  const at = poolOf(["A:1", "B:1", X, Y], { sticky_cookie: "sid", sticky_secret: "s" })
  const line = at.pool.stickyField(at.get("Y"), poolRequest(), false)
  const request = poolRequest("/", ["Cookie", /sid=[^;]+/.exec(line ?? "")?.[0] ?? ""])
  t.equal(at.candidates(request), "AB")
  at.makeUnhealthy("AB")
  for (let session = 0; session < 4; session++) t.equal(at.pool.candidates(request, "")[0]?.name, "Y:1")
})

t.test("a pool without sticky_cookie sets no cookie", async (t) => {
  const at = poolOf(["A:1"])
  t.equal(at.pool.stickyField(at.get("A"), poolRequest(), true), undefined)
})

t.test("with balance hash the key decides, by what hash_key says", async (t) => {
  const pool = new Pool(["A:1", "B:1", "C:1"], { balance: "hash", hash_key: "client_ip" })
  const first = (ip: string) => pool.candidates(poolRequest(), ip)[0]?.name
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
    what: "a weight of 0",
    make: () => new Pool([{ address: "A:1", weight: 0 }]),
    error: SettingError,
  },
  { what: "a table without a real address", make: () => new Pool([{ address: "A" }]), error: AddressError },
]

for (const { what, make, error } of WRONG) {
  t.test(`a pool is refused that has ${what}`, async (t) => t.type(thrownBy(make), error))
}

t.test("a table and a text that name the same backend count once, and the first one stays", async (t) => {
  const pool = new Pool([{ address: "A:1", weight: 3 }, "A:1"])
  pool.add({ address: "A:1", weight: 5 })
  t.same(
    pool.members.map(({ name, weight }) => [name, weight]),
    [["A:1", 3]],
  )
})

t.test(
  "while sessions come and go and dials fail or not, no pool is left without a candidate by that alone",
  async (t) => {
    const random = seededRandom(17)
    for (let round = 0; round < 100; round++) {
      const backends = Array.from({ length: between(random, 1, 4) }, (_, index) => ({
        address: `${"ABCD".charAt(index)}:1`,
        backup: random() < 0.3,
      }))
      const at = poolOf(backends, { max_fails: between(random, 1, 3) })
      for (let session = 0; session < 100; session++) {
        at.wait(between(random, 0, 8000))
        const order = at.pool.candidates(poolRequest(), "")
        t.ok(order.length > 0)
        const reserved = order.filter((backend) => at.pool.tryReserve(backend))
        t.ok(reserved.length > 0)
        for (const backend of reserved) {
          if (random() < 0.8) at.pool.dialFailed(backend)
          else at.pool.dialled(backend)
          backend.release()
        }
      }
      t.same(new Set(at.pool.members.map(({ active }) => active)), new Set([0]))
    }
  },
)

t.test("changes of each backend are down and up by turns, and fit what can be tried", async (t) => {
  const random = seededRandom(18)
  for (let round = 0; round < 50; round++) {
    const at = poolOf(["A:1", "B:1", "C:1"])
    for (let step = 0; step < 200; step++) {
      const backend = at.get("ABC".charAt(between(random, 0, 2)))
      if (random() < 0.5) at.pool.dialFailed(backend)
      else if (random() < 0.1) at.pool.dialled(backend)
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
      if (own.at(-1) !== false) t.ok(at.pool.candidates(poolRequest(), "").some((one) => one.name === name))
    }
  }
})
