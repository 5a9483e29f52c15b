import t from "tap"
import type { LiveSession } from "../../lib/session/registry.js"
import { Spread } from "../../lib/session/spread.js"
import { FakeClock } from "../support/clock/fake-clock.js"
import { liveSession } from "../support/session/live-session.js"

/** Sessions that record, by a clock, when they are closed. */
function sessionsBy(clock: FakeClock, count: number): { sessions: LiveSession[]; closedMs: number[] } {
  const closedMs: number[] = []
  const sessions = Array.from({ length: count }, (_, index) =>
    liveSession({
      id: index + 1,
      close: () => {
        closedMs[index] = clock.nowMs()
      },
    }),
  )
  return { sessions, closedMs }
}

const spreads: readonly { sessions: number; overMs: number; closedMs: readonly number[] }[] = [
  { sessions: 0, overMs: 1000, closedMs: [] },
  { sessions: 1, overMs: 1000, closedMs: [0] },
  { sessions: 4, overMs: 1000, closedMs: [0, 250, 500, 750] },
  { sessions: 3, overMs: 0, closedMs: [0, 0, 0] },
  { sessions: 6, overMs: 30, closedMs: [0, 10, 10, 20, 20, 30] },
]

for (const { sessions: count, overMs, closedMs: expected } of spreads) {
  t.test(`${count} sessions are closed evenly over ${overMs} ms, in order, with one timer`, async (t) => {
    const clock = new FakeClock()
    const { sessions, closedMs } = sessionsBy(clock, count)
    new Spread(sessions, "drain_timeout", overMs, clock)
    t.ok(clock.pending <= 1)
    clock.advance(overMs)
    t.strictSame(closedMs, expected)
    t.equal(clock.pending, 0)
  })
}

t.test("10,000 sessions are closed in small groups", async (t) => {
  const clock = new FakeClock()
  const { sessions, closedMs } = sessionsBy(clock, 10_000)
  new Spread(sessions, "drain_timeout", 3000, clock)
  clock.advance(3000)
  const groups = new Map<number, number>()
  for (const ms of closedMs) groups.set(ms, (groups.get(ms) ?? 0) + 1)
  t.equal(closedMs.length, 10_000)
  t.ok(Math.max(...groups.values()) <= 50, `${Math.max(...groups.values())} at once`)
  t.same(
    closedMs,
    [...closedMs].sort((one, other) => one - other),
  )
})

t.test("a spread that is canceled closes no more", async (t) => {
  const clock = new FakeClock()
  const { sessions, closedMs } = sessionsBy(clock, 4)
  const spread = new Spread(sessions, "drain_timeout", 1000, clock)
  clock.advance(250)
  spread.cancel()
  clock.advance(1000)
  t.strictSame(closedMs, [0, 250])
  t.equal(clock.pending, 0)
})
