import t from "tap"
import { SessionEnd } from "../../lib/close-reason.js"
import { clientKey } from "../../lib/limits/client-key.js"
import { type ClientLimitSettings, ClientLimits } from "../../lib/limits/client-limits.js"
import { ClientTable } from "../../lib/limits/client-table.js"
import type { Place } from "../../lib/limits/places.js"
import { parseRate } from "../../lib/limits/rate.js"
import { FakeClock } from "../support/clock/fake-clock.js"
import { between, oneOf, seededRandom } from "../support/project/random.js"
import { runHammers } from "../support/shared/hammers.js"

const A = "192.0.2.1"
const B = "192.0.2.2"
const OFF: ClientLimitSettings = { max_connections_per_ip: 0, rate_per_ip: undefined, rate_burst: 0 }
/** A monotonic clock begins anywhere. */
const START_MS = 1_234_567.891

function keyOf(ip: string): string {
  return ip === "" ? "" : JSON.stringify(clientKey(ip))
}

/** Keeps the places that clients hold, by their addresses. */
class Gate {
  readonly #held = new Map<string, Place[]>()

  constructor(readonly limits: ClientLimits) {}

  get size(): number {
    return this.limits.size
  }

  /** Why the connection is refused; undefined if it is admitted. */
  admit(ip: string): string | undefined {
    try {
      const place = this.limits.acquire(ip)
      const held = this.#held.get(keyOf(ip)) ?? []
      held.push(place)
      this.#held.set(keyOf(ip), held)
      return undefined
    } catch (error) {
      if (!(error instanceof SessionEnd)) throw error
      return error.reason
    }
  }

  /** One of its connections that were admitted is closed. */
  leave(ip: string): void {
    const place = this.#held.get(keyOf(ip))?.pop()
    if (place === undefined) throw new Error(`${ip} has no connection`)
    place.release()
  }
}

function limitsOf(settings: Partial<ClientLimitSettings>, table?: ClientTable) {
  const clock = new FakeClock(START_MS)
  return { limits: new Gate(new ClientLimits({ ...OFF, ...settings }, clock, table)), clock }
}

/** How many of these attempts are admitted, each closed at once. */
function admitted(limits: Gate, ip: string, attempts: number): number {
  let count = 0
  for (let attempt = 0; attempt < attempts; attempt++) {
    if (limits.admit(ip) !== undefined) continue
    limits.leave(ip)
    count++
  }
  return count
}

t.test("each client may have as many connections as the limit says", async (t) => {
  const { limits } = limitsOf({ max_connections_per_ip: 2 })
  t.same([limits.admit(A), limits.admit(A)], [undefined, undefined])
  t.equal(limits.admit(A), "too_many_from_client")
  t.equal(limits.admit(A), "too_many_from_client", "and a refused one does not count")
  t.equal(limits.admit(B), undefined)
  limits.leave(A)
  t.equal(limits.admit(A), undefined)
  t.equal(limits.admit(A), "too_many_from_client")
})

t.test("an IPv6 client counts by its first 64 bits", async (t) => {
  const { limits } = limitsOf({ max_connections_per_ip: 1 })
  t.equal(limits.admit("2001:db8::1"), undefined)
  t.equal(limits.admit("2001:db8::2"), "too_many_from_client")
  t.equal(limits.admit("2001:db8:0:1::1"), undefined)
  limits.leave("2001:db8::3")
  t.equal(limits.admit("2001:db8::2"), undefined)
})

t.test("a client without an address is never limited", async (t) => {
  const { limits } = limitsOf({ max_connections_per_ip: 1, rate_per_ip: parseRate("1/h") })
  for (let count = 0; count < 10; count++) t.equal(limits.admit(""), undefined)
  limits.leave("")
  t.equal(limits.size, 0)
})

t.test("without limits nothing is counted, and the clock is not read", async (t) => {
  const nowMs = () => {
    throw new Error("the clock was asked")
  }
  const limits = new Gate(new ClientLimits(OFF, { nowMs }))
  for (let count = 0; count < 10; count++) t.equal(limits.admit(A), undefined)
  t.equal(limits.size, 0)
  limits.leave(A)
})

const rates: { rate: string; burst: number; atOnce: number; intervalMs: number }[] = [
  { rate: "20/s", burst: 0, atOnce: 20, intervalMs: 50 },
  { rate: "3/s", burst: 0, atOnce: 3, intervalMs: 1000 / 3 },
  { rate: "7/s", burst: 0, atOnce: 7, intervalMs: 1000 / 7 },
  { rate: "100/m", burst: 0, atOnce: 100, intervalMs: 600 },
  { rate: "1000/h", burst: 0, atOnce: 1000, intervalMs: 3600 },
  { rate: "20/s", burst: 1, atOnce: 1, intervalMs: 50 },
  { rate: "3/s", burst: 10, atOnce: 10, intervalMs: 1000 / 3 },
  { rate: "1/h", burst: 5, atOnce: 5, intervalMs: 3_600_000 },
]

for (const { rate, burst, atOnce, intervalMs } of rates) {
  t.test(
    `at ${rate} with a burst of ${burst} come ${atOnce} at once, then one each ${intervalMs} ms`,
    async (t) => {
      const { limits, clock } = limitsOf({ rate_per_ip: parseRate(rate), rate_burst: burst })
      t.equal(admitted(limits, A, atOnce + 5), atOnce)
      t.equal(limits.admit(A), "rate_limited")
      t.equal(admitted(limits, B, atOnce + 5), atOnce, "another client has its own")
      clock.advance(0.9 * intervalMs)
      t.equal(admitted(limits, A, 5), 0)
      clock.advance(0.2 * intervalMs)
      t.equal(admitted(limits, A, 5), 1)
      clock.advance(2 * intervalMs)
      t.equal(admitted(limits, A, atOnce + 5), Math.min(2, atOnce))
      clock.advance((atOnce + 100) * intervalMs)
      t.equal(admitted(limits, A, atOnce + 5), atOnce, "more than the burst is never saved")
    },
  )
}

t.test("at any time exactly the burst is admitted at once: rounding loses none", async (t) => {
  const random = seededRandom(754)
  for (let round = 0; round < 500; round++) {
    const count = between(random, 1, 100)
    const { limits, clock } = limitsOf({ rate_per_ip: { count, perMs: 1000 } })
    clock.advance(random() * 1e9)
    if (admitted(limits, A, count + 1) === count) continue
    t.fail(`${count} at ${clock.nowMs()}`)
    return
  }
  t.pass("always")
})

t.test("a connection refused for the count does not use the rate", async (t) => {
  const { limits } = limitsOf({ max_connections_per_ip: 1, rate_per_ip: parseRate("2/s") })
  t.equal(limits.admit(A), undefined)
  for (let count = 0; count < 5; count++) t.equal(limits.admit(A), "too_many_from_client")
  limits.leave(A)
  t.equal(limits.admit(A), undefined)
  limits.leave(A)
  t.equal(limits.admit(A), "rate_limited")
})

t.test("a connection refused for the rate takes no place", async (t) => {
  const { limits, clock } = limitsOf({ max_connections_per_ip: 2, rate_per_ip: parseRate("1/s") })
  t.equal(limits.admit(A), undefined)
  for (let count = 0; count < 5; count++) t.equal(limits.admit(A), "rate_limited")
  clock.advance(1001)
  t.equal(limits.admit(A), undefined)
  t.equal(limits.admit(A), "too_many_from_client")
})

t.test("no client ever gets more than its burst and rate, and one that waits is admitted", async (t) => {
  const random = seededRandom(371)
  for (let round = 0; round < 100; round++) {
    const count = between(random, 1, 30)
    const burst = between(random, 1, 30)
    const { limits, clock } = limitsOf({ rate_per_ip: { count, perMs: 1000 }, rate_burst: burst })
    const times: number[] = []
    for (let attempt = 0; attempt < 200; attempt++) {
      clock.advance(oneOf(random, [0, 0, 1, (random() * 2000) / count]))
      if (limits.admit(A) === undefined) times.push(clock.nowMs())
    }
    for (const [first, from] of times.entries()) {
      for (const [last, to] of times.entries()) {
        if (last < first || last - first + 1 <= burst + ((to - from) * count) / 1000 + 0.01) continue
        t.fail(`round ${round}: ${last - first + 1} in ${to - from} ms`)
        return
      }
    }
    clock.advance(1000 / count + 1)
    t.equal(limits.admit(A), undefined)
  }
})

function address(number: number): string {
  return `10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`
}

t.test("without a rate a client is forgotten with its last connection", async (t) => {
  const { limits } = limitsOf({ max_connections_per_ip: 2 })
  limits.admit(A)
  limits.admit(A)
  limits.leave(A)
  t.equal(limits.size, 1)
  limits.leave(A)
  t.equal(limits.size, 0)
})

t.test("clients without connections are forgotten once their buckets are full", async (t) => {
  const { limits, clock } = limitsOf({ rate_per_ip: parseRate("1/s") })
  limits.admit(A)
  for (let number = 0; number < 10_000; number++) {
    limits.admit(address(number))
    limits.leave(address(number))
    clock.advance(10)
  }
  t.ok(limits.size < 500, `${limits.size} are remembered`)
  limits.leave(A)
  t.equal(limits.admit(A), undefined, "and one with a connection was kept all the time")
})

t.test("a flood of addresses does not fill memory, and no connected client is forgotten", async (t) => {
  const { limits } = limitsOf({ max_connections_per_ip: 1, rate_per_ip: parseRate("1/h") })
  const connected = Array.from({ length: 1000 }, (_, index) => `192.168.${index >> 8}.${index & 255}`)
  for (const ip of connected) limits.admit(ip)
  for (let number = 0; number < 300_000; number++) limits.limits.acquire(address(number)).release()
  t.ok(limits.size <= 65_536 + connected.length, `${limits.size} are remembered`)
  t.same(
    connected.filter((ip) => limits.admit(ip) !== "too_many_from_client"),
    [],
  )
})

/** A table of one bucket, which is full with 32 clients. */
function smallTable(): ClientTable {
  return new ClientTable(ClientTable.createMemory(1))
}

t.test("while every slot belongs to a connected client, others are admitted and not counted", async (t) => {
  const { limits } = limitsOf({ max_connections_per_ip: 1, rate_per_ip: parseRate("1/h") }, smallTable())
  const connected = Array.from({ length: 32 }, (_, index) => address(index))
  for (const ip of connected) limits.admit(ip)
  t.same([limits.admit(A), limits.admit(A), limits.size], [undefined, undefined, 32])
  t.equal(limits.admit("10.0.0.0"), "too_many_from_client", "the others are limited as before")
  limits.leave("10.0.0.0")
  limits.leave(A)
  t.equal(limits.admit(B), undefined)
  t.equal(limits.admit(B), "too_many_from_client", "and a slot that becomes free is used")
})

t.test(
  "of the clients without connections, the one whose rate is the least used is forgotten first",
  async (t) => {
    const { limits } = limitsOf({ rate_per_ip: parseRate("2/h") }, smallTable())
    for (let number = 0; number < 32; number++) {
      for (let count = number === 7 ? 1 : 2; count > 0; count--) {
        limits.admit(address(number))
        limits.leave(address(number))
      }
    }
    limits.admit(A)
    t.equal(limits.admit(address(0)), "rate_limited")
    t.same([limits.admit(A), limits.admit(A)], [undefined, "rate_limited"])
    t.same(
      Array.from({ length: 32 }, (_, number) => number).filter((number) => !limits.admit(address(number))),
      [7],
      "all others are remembered",
    )
  },
)

t.test("new settings with the same table keep counts and rates", async (t) => {
  const table = new ClientTable()
  const before = limitsOf({ max_connections_per_ip: 5, rate_per_ip: parseRate("3/h") }, table).limits
  for (let count = 0; count < 2; count++) before.admit(A)
  const after = limitsOf({ max_connections_per_ip: 3, rate_per_ip: parseRate("3/h") }, table).limits
  t.same([after.admit(A), after.admit(A)], [undefined, "too_many_from_client"])
  before.leave(A)
  t.equal(after.admit(A), "rate_limited")
})

t.test("random connections get the same results from a plain map of counts and times", async (t) => {
  for (let round = 0; round < 60; round++) {
    const random = seededRandom(round)
    const max = between(random, 0, 3)
    const rate = random() < 0.7 ? { count: between(random, 1, 5), perMs: 1000 } : undefined
    const burst = between(random, 0, 4)
    const settings = { max_connections_per_ip: max, rate_per_ip: rate, rate_burst: burst }
    const { limits, clock } = limitsOf(settings, smallTable())
    const intervalMs = rate === undefined ? 0 : rate.perMs / rate.count
    const model = new Map<string, { connections: number; fullAtMs: number }>()
    const expect = (ip: string): string | undefined => {
      const client = model.get(ip) ?? { connections: 0, fullAtMs: 0 }
      model.set(ip, client)
      if (max !== 0 && client.connections >= max) return "too_many_from_client"
      const fullAtMs = Math.max(client.fullAtMs, clock.nowMs())
      const usedMs = ((burst || (rate?.count ?? 0)) - 1 + 0.001) * intervalMs
      if (rate !== undefined && fullAtMs - clock.nowMs() > usedMs) return "rate_limited"
      client.connections++
      client.fullAtMs = fullAtMs + intervalMs
      return undefined
    }
    const wrong: string[] = []
    for (let step = 0; step < 300; step++) {
      const ip = oneOf(random, [
        address(between(random, 0, 9)),
        "::1",
        `2001:db8:${between(random, 0, 9)}::1`,
      ])
      const client = model.get(ip)
      if (client !== undefined && client.connections > 0 && random() < 0.5) {
        limits.leave(ip)
        client.connections--
      } else {
        const [told, expected] = [limits.admit(ip), expect(ip)]
        if (told !== expected) wrong.push(`step ${step}, ${ip}: ${told} instead of ${expected}`)
      }
      if (random() < 0.3) clock.advance(between(random, 0, 2 * intervalMs))
    }
    t.same(wrong, [], `seed ${round}, max ${max}, ${rate?.count}/s, burst ${burst}`)
  }
})

t.test("two threads that share a table never exceed a client's limit and lose no place", async (t) => {
  for (const buckets of [1, 2 ** 11]) {
    const memory = ClientTable.createMemory(buckets)
    const { most, acquired } = await runHammers({ kind: "clients", memory, max: 2, clients: 3 })
    t.ok(most <= 2, `one client held ${most} places at once`)
    t.ok(acquired > 0, `${acquired} were acquired`)
    t.equal(new ClientTable(memory).size(0), 0)
  }
})

t.test("two threads that share a table admit no more than a client's rate", async (t) => {
  const memory = ClientTable.createMemory(1)
  const { acquired } = await runHammers({ kind: "rates", memory, burst: 100, clients: 3 })
  t.equal(acquired, 300)
})
