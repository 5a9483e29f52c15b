import t from "tap"
import { type ClientLimitSettings, ClientLimits } from "../../lib/limits/client-limits.js"
import { parseRate } from "../../lib/limits/rate.js"
import { between, oneOf, seededRandom } from "../support/project/random.js"

const A = "192.0.2.1"
const B = "192.0.2.2"
const OFF: ClientLimitSettings = { max_connections_per_ip: 0, rate_per_ip: undefined, rate_burst: 0 }
/** A monotonic clock begins anywhere. */
const START_MS = 1_234_567.891

function limitsOf(settings: Partial<ClientLimitSettings>) {
  const clock = { nowMs: START_MS }
  const limits = new ClientLimits({ ...OFF, ...settings }, () => clock.nowMs)
  return { limits, clock }
}

/** How many of so many connections are admitted that come at once and leave at once. */
function admitted(limits: ClientLimits, ip: string, attempts: number): number {
  let count = 0
  for (let attempt = 0; attempt < attempts; attempt++) {
    if (limits.admit(ip) !== undefined) continue
    limits.leave(ip)
    count++
  }
  return count
}

t.test("a client may have as many connections as the limit says, and others as many", async (t) => {
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

t.test("where nothing is limited nothing is counted, and no clock is asked", async (t) => {
  const limits = new ClientLimits(OFF, () => {
    throw new Error("the clock was asked")
  })
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
      clock.nowMs += 0.9 * intervalMs
      t.equal(admitted(limits, A, 5), 0)
      clock.nowMs += 0.2 * intervalMs
      t.equal(admitted(limits, A, 5), 1)
      clock.nowMs += 2 * intervalMs
      t.equal(admitted(limits, A, atOnce + 5), Math.min(2, atOnce))
      clock.nowMs += (atOnce + 100) * intervalMs
      t.equal(admitted(limits, A, atOnce + 5), atOnce, "more than the burst is never saved")
    },
  )
}

t.test(
  "whenever they come, just as many as the burst come at once: no rounding takes one away",
  async (t) => {
    const random = seededRandom(754)
    for (let round = 0; round < 500; round++) {
      const count = between(random, 1, 100)
      const { limits, clock } = limitsOf({ rate_per_ip: { count, perMs: 1000 } })
      clock.nowMs = random() * 1e9
      if (admitted(limits, A, count + 1) === count) continue
      t.fail(`${count} at ${clock.nowMs}`)
      return
    }
    t.pass("always")
  },
)

t.test("a connection that is refused for their number leaves the rate alone", async (t) => {
  const { limits } = limitsOf({ max_connections_per_ip: 1, rate_per_ip: parseRate("2/s") })
  t.equal(limits.admit(A), undefined)
  for (let count = 0; count < 5; count++) t.equal(limits.admit(A), "too_many_from_client")
  limits.leave(A)
  t.equal(limits.admit(A), undefined)
  limits.leave(A)
  t.equal(limits.admit(A), "rate_limited")
})

t.test("a connection that is refused for the rate takes no place", async (t) => {
  const { limits, clock } = limitsOf({ max_connections_per_ip: 2, rate_per_ip: parseRate("1/s") })
  t.equal(limits.admit(A), undefined)
  for (let count = 0; count < 5; count++) t.equal(limits.admit(A), "rate_limited")
  clock.nowMs += 1001
  t.equal(limits.admit(A), undefined)
  t.equal(limits.admit(A), "too_many_from_client")
})

t.test(
  "in no time does a client get more than its burst and its rate, and one that waits gets in",
  async (t) => {
    const random = seededRandom(371)
    for (let round = 0; round < 100; round++) {
      const count = between(random, 1, 30)
      const burst = between(random, 1, 30)
      const { limits, clock } = limitsOf({ rate_per_ip: { count, perMs: 1000 }, rate_burst: burst })
      const times: number[] = []
      for (let attempt = 0; attempt < 200; attempt++) {
        clock.nowMs += oneOf(random, [0, 0, 1, (random() * 2000) / count])
        if (limits.admit(A) === undefined) times.push(clock.nowMs)
      }
      for (const [first, from] of times.entries()) {
        for (const [last, to] of times.entries()) {
          if (last < first || last - first + 1 <= burst + ((to - from) * count) / 1000 + 0.01) continue
          t.fail(`round ${round}: ${last - first + 1} in ${to - from} ms`)
          return
        }
      }
      clock.nowMs += 1000 / count + 1
      t.equal(limits.admit(A), undefined)
    }
  },
)

function address(number: number): string {
  return `10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`
}

t.test("a client that has left is forgotten at once where only connections count", async (t) => {
  const { limits } = limitsOf({ max_connections_per_ip: 2 })
  limits.admit(A)
  limits.admit(A)
  limits.leave(A)
  t.equal(limits.size, 1)
  limits.leave(A)
  t.equal(limits.size, 0)
  limits.leave(A)
  t.equal(limits.size, 0)
})

t.test("clients that have left are forgotten while others come, once their buckets are full", async (t) => {
  const { limits, clock } = limitsOf({ rate_per_ip: parseRate("1/s") })
  limits.admit(A)
  for (let number = 0; number < 10_000; number++) {
    limits.admit(address(number))
    limits.leave(address(number))
    clock.nowMs += 10
  }
  t.ok(limits.size < 500, `${limits.size} are remembered`)
  limits.leave(A)
  t.equal(limits.admit(A), undefined, "and one with a connection was kept all the time")
})

t.test("a flood of addresses does not fill memory, and nobody who is connected is forgotten", async (t) => {
  const { limits } = limitsOf({ max_connections_per_ip: 1, rate_per_ip: parseRate("1/h") })
  const connected = Array.from({ length: 1000 }, (_, index) => `192.168.${index >> 8}.${index & 255}`)
  for (const ip of connected) limits.admit(ip)
  for (let number = 0; number < 300_000; number++) {
    limits.admit(address(number))
    limits.leave(address(number))
  }
  t.ok(limits.size <= 65_536 + connected.length, `${limits.size} are remembered`)
  for (const ip of connected) t.equal(limits.admit(ip), "too_many_from_client")
})
