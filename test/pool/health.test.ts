import t from "tap"
import { CELL, CELLS_PER_BACKEND } from "../../lib/pool/backend-cells.js"
import {
  checked,
  claimTrial,
  failed,
  isEligible,
  isOnlyEjected,
  isUp,
  passed,
  settle,
} from "../../lib/pool/health.js"
import { HEALTH_CHECK_DEFAULTS } from "../../lib/pool/health-check-settings.js"
import { between, seededRandom } from "../support/project/random.js"

const FAILS = { max_fails: 3, fail_timeout_ms: 1000 }
const THRESHOLDS = { healthy_threshold: 2, unhealthy_threshold: 3 }

/** One backend with a clock that is set by hand, and the state machine's functions bound to both. */
function machine(settings = FAILS, startMs = 0, attemptMs = 0) {
  const cells = new Int32Array(CELLS_PER_BACKEND)
  let nowMs = startMs | 0
  return {
    cells,
    wait: (ms: number) => {
      nowMs = (nowMs + ms) | 0
    },
    fail: (isSpared = false) => failed(cells, settings, nowMs, "refused", () => isSpared),
    fails: (times: number) =>
      Array.from({ length: times }, () => failed(cells, settings, nowMs, "refused", () => false)),
    succeed: () => passed(cells, "dial"),
    check: (fault?: string) => checked(cells, fault, THRESHOLDS),
    claim: () => claimTrial(cells, settings, nowMs, attemptMs),
    isUp: () => isUp(cells),
    isOnlyEjected: () => isOnlyEjected(cells),
    isEligible: () => isEligible(cells, settings, nowMs),
    leftMs: () => (Atomics.load(cells, CELL.ejectedUntil) - nowMs) | 0,
  }
}

const EJECTED = {
  isUp: false,
  reason: "3 attempts failed within 1000 ms, the last one by refused",
  forMs: 1000,
}
const BACK = { isUp: true, reason: "a dial succeeded" }

t.test("a new backend is up", async (t) => {
  const backend = machine()
  t.same([backend.isUp(), backend.isEligible(), backend.isOnlyEjected()], [true, true, false])
})

t.test("max_fails failed dials eject a backend, which is reported once", async (t) => {
  const backend = machine()
  t.same(backend.fails(3), [undefined, undefined, EJECTED])
  t.same([backend.isUp(), backend.isEligible(), backend.isOnlyEjected()], [false, false, true])
  t.same(backend.fails(5), Array(5).fill(undefined), "dials that were under way")
  t.equal(backend.leftMs(), 1000, "do not make it longer")
})

t.test("the report uses the singular for one failed dial", async (t) => {
  const backend = machine({ max_fails: 1, fail_timeout_ms: 7 })
  t.same(backend.fail(), {
    isUp: false,
    reason: "1 attempt failed within 7 ms, the last one by refused",
    forMs: 7,
  })
})

t.test("what the new settings could not bring back is over, and only that", async (t) => {
  const on = { max_fails: 3, health_check: HEALTH_CHECK_DEFAULTS }
  const off = { max_fails: 0, health_check: undefined }
  const up = { isUp: true, reason: "the configuration no longer says what took it down" }
  const ejected = machine()
  ejected.fails(3)
  t.equal(settle(ejected.cells, { ...on, health_check: undefined }), undefined)
  t.equal(ejected.isOnlyEjected(), true)
  t.same(settle(ejected.cells, { ...on, max_fails: 0 }), up)
  t.equal(settle(ejected.cells, off), undefined, "it is up already")
  t.same([ejected.fail(), ejected.fail(), ejected.isUp()], [undefined, undefined, true], "it is forgiven")
  const both = machine()
  both.fails(3)
  for (let check = 0; check < 3; check++) both.check("closed")
  t.equal(settle(both.cells, { ...on, max_fails: 0 }), undefined, "health checks hold it down")
  t.equal(both.isUp(), false)
  t.same(settle(both.cells, off), up)
})

t.test("with max_fails 0 no number of failed dials ejects a backend", async (t) => {
  const backend = machine({ max_fails: 0, fail_timeout_ms: 1000 })
  t.same(backend.fails(100), Array(100).fill(undefined))
  t.equal(backend.isUp(), true)
})

t.test("failed dials count for fail_timeout_ms from the first one", async (t) => {
  const backend = machine()
  backend.fails(2)
  backend.wait(999)
  t.same(backend.fail(), EJECTED)
  const other = machine()
  other.fails(2)
  other.wait(1000)
  t.same(other.fails(3), [undefined, undefined, EJECTED])
})

t.test("a successful dial resets the count of failed ones", async (t) => {
  const backend = machine()
  for (let round = 0; round < 5; round++) {
    t.same(backend.fails(2), [undefined, undefined])
    t.equal(backend.succeed(), undefined)
  }
  t.equal(backend.isUp(), true)
})

t.test("a spared backend stays, keeps counting, and is ejected once it is no longer spared", async (t) => {
  const backend = machine()
  for (let dial = 0; dial < 5; dial++) t.equal(backend.fail(true), undefined)
  t.equal(backend.isUp(), true)
  t.same(backend.fail(), { ...EJECTED, reason: "6 attempts failed within 1000 ms, the last one by refused" })
})

t.test("whether others are up is asked only when it matters", async (t) => {
  const cells = new Int32Array(CELLS_PER_BACKEND)
  let asked = 0
  const isSpared = () => {
    asked++
    return false
  }
  const counts = Array.from({ length: 5 }, () => {
    failed(cells, FAILS, 0, "refused", isSpared)
    return asked
  })
  t.same(counts, [0, 0, 1, 1, 1])
})

t.test("when the ejection is over, exactly one session gets a trial", async (t) => {
  const backend = machine()
  backend.fails(3)
  backend.wait(999)
  t.same([backend.isEligible(), backend.claim()], [false, false])
  backend.wait(1)
  t.same([backend.isEligible(), backend.isUp()], [true, false])
  t.same([backend.claim(), backend.claim(), backend.claim()], [true, false, false])
  t.equal(backend.isEligible(), false)
})

t.test("when the trial's session never dials, another session gets one after fail_timeout_ms", async (t) => {
  const backend = machine()
  backend.fails(3)
  for (let trial = 0; trial < 5; trial++) {
    backend.wait(1000)
    t.same([backend.claim(), backend.claim(), backend.isEligible()], [true, false, false])
  }
})

t.test("a successful trial ends the ejection, and that is reported once", async (t) => {
  const backend = machine()
  backend.fails(3)
  backend.wait(1000)
  backend.claim()
  t.same([backend.succeed(), backend.succeed()], [BACK, undefined])
  t.same([backend.isUp(), backend.isEligible(), backend.isOnlyEjected()], [true, true, false])
  t.same(backend.fails(3), [undefined, undefined, EJECTED], "and it starts anew")
})

for (const { fail_timeout_ms, times } of [
  { fail_timeout_ms: 10_000, times: [10, 20, 40, 80, 160, 300, 300].map((s) => s * 1000) },
  { fail_timeout_ms: 300_000, times: [300_000, 300_000, 300_000] },
  { fail_timeout_ms: 400_000, times: [400_000, 400_000, 400_000] },
  { fail_timeout_ms: 1, times: [...Array(19).keys()].map((n) => 2 ** n).concat(300_000, 300_000) },
  { fail_timeout_ms: 2 ** 31 - 1, times: [2 ** 31 - 1, 2 ** 31 - 1] },
]) {
  t.test(`each failed trial doubles ${fail_timeout_ms} ms, up to ${times.at(-1)} ms`, async (t) => {
    const backend = machine({ max_fails: 1, fail_timeout_ms })
    backend.fail()
    for (const ms of times) {
      t.equal(backend.leftMs(), ms)
      backend.wait(ms - 1)
      t.equal(backend.claim(), false)
      backend.wait(1)
      t.equal(backend.claim(), true)
      t.same(
        backend.fails(3),
        [undefined, undefined, undefined],
        "it is not reported, and only one dial counts per trial",
      )
    }
  })
}

t.test("the ejection stays at its maximum while trials fail", async (t) => {
  const backend = machine({ max_fails: 1, fail_timeout_ms: 10_000 })
  backend.fail()
  const claimed = Array.from({ length: 2000 }, () => {
    backend.wait(backend.leftMs())
    const isTrial = backend.claim()
    backend.fail()
    return isTrial
  })
  t.equal(claimed.indexOf(false), -1, "every trial is claimed")
  t.equal(backend.leftMs(), 300_000)
})

t.test("a failed dial that was not a trial does not extend the ejection", async (t) => {
  const backend = machine()
  backend.fails(3)
  backend.wait(500)
  backend.fail()
  t.equal(backend.leftMs(), 500)
  backend.wait(500)
  t.equal(backend.claim(), true)
})

for (const startMs of [0, 2 ** 31 - 500, 2 ** 32 - 500, 2 ** 40 + 123, -1]) {
  t.test(`ejections work with a clock that begins at ${startMs}`, async (t) => {
    const backend = machine(FAILS, startMs)
    backend.fails(2)
    backend.wait(999)
    t.same(backend.fail(), EJECTED)
    for (const ms of [1000, 2000, 4000]) {
      backend.wait(ms - 1)
      t.same([backend.isEligible(), backend.claim()], [false, false])
      backend.wait(1)
      t.same([backend.isEligible(), backend.claim(), backend.claim()], [true, true, false])
      backend.fail()
    }
  })
}

t.test("an ejection that ended weeks ago does not come back when the clock wraps around", async (t) => {
  const backend = machine()
  backend.fails(3)
  for (let day = 0; day < 40; day++) {
    backend.wait(24 * 3_600_000)
    t.equal(backend.isEligible(), true, `day ${day + 1}`)
  }
})

t.test("failed dials from weeks ago do not count after the clock wraps around", async (t) => {
  const backend = machine()
  for (const days of [1, 20, 30, 40, 60]) {
    t.same(backend.fails(2), [undefined, undefined], `before ${days} days`)
    backend.wait(days * 24 * 3_600_000)
  }
})

t.test("a trial that health checks made unnecessary does not extend later ejections", async (t) => {
  const backend = machine()
  backend.fails(3)
  backend.wait(1000)
  backend.claim()
  backend.check()
  t.same(backend.check(), { isUp: true, reason: "2 health checks passed" })
  t.same(backend.fails(4), [undefined, undefined, EJECTED, undefined])
  t.equal(backend.leftMs(), 1000)
})

t.test("enough consecutive health checks change the state, and that is reported once", async (t) => {
  const backend = machine()
  t.same([backend.check("refused"), backend.check("refused")], [undefined, undefined])
  t.equal(backend.isEligible(), true)
  t.same(backend.check("timeout"), { isUp: false, reason: "3 health checks failed: timeout" })
  t.same([backend.isUp(), backend.isEligible(), backend.isOnlyEjected()], [false, false, false])
  t.equal(backend.check("refused"), undefined)
  t.equal(backend.check(), undefined)
  t.equal(backend.isUp(), false)
  t.same(backend.check(), { isUp: true, reason: "2 health checks passed" })
  t.equal(backend.check(), undefined)
  t.equal(backend.isEligible(), true)
})

t.test("checks that disagree do not change the state", async (t) => {
  const backend = machine()
  for (const fault of ["a", "b", undefined, "a", "b", undefined]) t.equal(backend.check(fault), undefined)
  t.equal(backend.isUp(), true)
  for (const fault of ["a", "b", "c"]) backend.check(fault)
  for (const fault of [undefined, "a", undefined, "a"]) t.equal(backend.check(fault), undefined)
  t.equal(backend.isUp(), false)
})

t.test("the state changes as fast after thousands of checks with the opposite result", async (t) => {
  const backend = machine()
  for (let check = 0; check < 5000; check++) backend.check()
  t.same(
    ["a", "b", "c"].map((fault) => backend.check(fault)?.isUp),
    [undefined, undefined, false],
  )
  for (let check = 0; check < 5000; check++) backend.check("a")
  t.same([backend.check()?.isUp, backend.check()?.isUp], [undefined, true])
})

t.test("the report uses the singular for one health check", async (t) => {
  const cells = new Int32Array(CELLS_PER_BACKEND)
  const thresholds = { healthy_threshold: 1, unhealthy_threshold: 1 }
  t.same(checked(cells, undefined, thresholds), undefined)
  t.same(checked(cells, "x", thresholds), { isUp: false, reason: "1 health check failed: x" })
  t.same(checked(cells, undefined, thresholds), { isUp: true, reason: "1 health check passed" })
})

t.test("checks that pass end an ejection", async (t) => {
  const backend = machine()
  for (let check = 0; check < 10; check++) backend.check()
  backend.fails(3)
  t.equal(backend.check(), undefined, "those from before do not count")
  t.same(backend.check(), { isUp: true, reason: "2 health checks passed" })
  t.equal(backend.isUp(), true)
  t.same(backend.fails(3), [undefined, undefined, EJECTED])
})

t.test("checks that pass do not reset the count of failed dials before an ejection", async (t) => {
  const backend = machine()
  backend.fails(2)
  for (let check = 0; check < 10; check++) backend.check()
  t.same(backend.fail(), EJECTED)
})

t.test("a backend that is ejected and unhealthy goes down once and comes up once", async (t) => {
  const backend = machine()
  t.same(backend.fails(3)[2], EJECTED)
  for (const fault of ["a", "b", "c", "d"]) t.equal(backend.check(fault), undefined)
  t.equal(backend.isOnlyEjected(), false)
  backend.wait(1000)
  t.equal(backend.isEligible(), false)
  t.equal(backend.succeed(), undefined, "a dial says nothing against the checks")
  t.equal(backend.isEligible(), false)
  backend.check()
  t.same(backend.check(), { isUp: true, reason: "2 health checks passed" })
  t.equal(backend.isEligible(), true)
})

t.test("an unhealthy backend whose dials fail is ejected too, and that is not reported", async (t) => {
  const backend = machine()
  for (const fault of ["a", "b", "c"]) backend.check(fault)
  t.same(backend.fails(3), [undefined, undefined, undefined])
  backend.check()
  t.equal(backend.check()?.isUp, true)
  t.equal(backend.isEligible(), true)
})

t.test("whatever happens, reports and state agree, and down and up alternate", async (t) => {
  const random = seededRandom(16)
  for (let round = 0; round < 200; round++) {
    const wrong: string[] = []
    const backend = machine(
      { max_fails: between(random, 0, 4), fail_timeout_ms: 1000 },
      between(random, 0, 2 ** 32),
    )
    let told = true
    const events = [
      () => backend.fail(),
      () => backend.fail(random() < 0.5),
      () => backend.succeed(),
      () => backend.check(),
      () => backend.check("x"),
      () => void backend.claim(),
      () => void backend.wait(between(random, 0, 1500)),
    ]
    for (let step = 0; step < 300; step++) {
      const change = events[between(random, 0, events.length - 1)]?.()
      if (change !== undefined) {
        if (change.isUp === told) wrong.push(`step ${step}: isUp ${told} was reported twice`)
        told = change.isUp
      }
      if (backend.isUp() !== told) wrong.push(`step ${step}: isUp ${told} was reported, but it is not`)
    }
    t.same(wrong, [], `round ${round}`)
  }
})
