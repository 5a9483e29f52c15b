import t from "tap"
import { type CheckedPool, type CheckFault, HealthChecks } from "../../lib/pool/health-check.js"
import { systemClock } from "../../lib/shared/clock.js"
import { FakeClock } from "../support/clock/fake-clock.js"
import { seededRandom } from "../support/project/random.js"

const INTERVAL_MS = 1000
const DOWN: CheckFault = { text: "status 503", isLocal: false }
const OURS: CheckFault = { text: "EMFILE", isLocal: true }

/** Lets continuations of resolved promises run. */
async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await Promise.resolve()
}

class Bench implements CheckedPool<string> {
  readonly clock = new FakeClock()
  readonly results: [string, string | undefined][] = []
  /** The checks in flight, by backend. */
  readonly underWay = new Map<string, (fault?: CheckFault) => void>()
  readonly begun: string[] = []
  readonly signals = new Map<string, AbortSignal>()
  readonly checks: HealthChecks<string>
  backends: string[]

  constructor(backends: string[], random = () => 0.5) {
    this.backends = backends
    const probe = (backend: string, signal: AbortSignal) => {
      if (this.underWay.has(backend)) throw new Error(`${backend} is being checked already`)
      this.begun.push(backend)
      this.signals.set(backend, signal)
      return new Promise<CheckFault | undefined>((resolve) => this.underWay.set(backend, resolve))
    }
    this.checks = new HealthChecks(this, { interval_ms: INTERVAL_MS }, probe, this.clock, random)
  }

  get members(): readonly string[] {
    return this.backends
  }

  checked(backend: string, fault: string | undefined): void {
    this.results.push([backend, fault])
  }

  async pass(ms: number): Promise<void> {
    this.clock.advance(ms)
    await settle()
  }

  async finish(backend: string, fault?: CheckFault): Promise<void> {
    const resolve = this.underWay.get(backend)
    this.underWay.delete(backend)
    resolve?.(fault)
    await settle()
  }
}

t.test("at the start all backends are checked at once", async (t) => {
  const bench = new Bench(["a", "b", "c"])
  bench.checks.start()
  t.same(bench.begun, ["a", "b", "c"])
  t.same(bench.results, [])
})

t.test("results of checks are reported, local faults are not", async (t) => {
  const bench = new Bench(["a", "b", "c"])
  bench.checks.start()
  await bench.finish("b", DOWN)
  await bench.finish("c", OURS)
  await bench.finish("a")
  t.same(bench.results, [
    ["b", "status 503"],
    ["a", undefined],
  ])
  await bench.pass(INTERVAL_MS)
  t.same(bench.begun.slice(3), ["b", "c", "a"], "all three are checked again")
})

t.test("a slow check delays only its own backend's next one", async (t) => {
  const bench = new Bench(["slow", "fast"])
  bench.checks.start()
  for (let round = 0; round < 3; round++) {
    await bench.finish("fast")
    await bench.pass(INTERVAL_MS)
  }
  t.same(bench.begun, ["slow", "fast", "fast", "fast", "fast"])
  await bench.finish("slow")
  await bench.pass(INTERVAL_MS - 1)
  t.equal(bench.begun.length, 5)
  await bench.pass(1)
  t.same(bench.begun.slice(5), ["slow"])
})

t.test("intervals vary by plus or minus a tenth", async (t) => {
  const bench = new Bench(["a"], seededRandom(1))
  bench.checks.start()
  bench.clock.delaysMs.length = 0
  for (let round = 0; round < 1000; round++) {
    await bench.finish("a")
    await bench.pass(1.1 * INTERVAL_MS)
  }
  const delaysMs = bench.clock.delaysMs.filter((delayMs) => delayMs !== INTERVAL_MS)
  t.equal(delaysMs.length, 1000)
  const [least, most] = [Math.min(...delaysMs), Math.max(...delaysMs)]
  t.ok(least >= 0.9 * INTERVAL_MS && least < 0.91 * INTERVAL_MS, `${least}`)
  t.ok(most <= 1.1 * INTERVAL_MS && most > 1.09 * INTERVAL_MS, `${most}`)
})

t.test("a backend that is added later is checked within an interval", async (t) => {
  const bench = new Bench([])
  bench.checks.start()
  await bench.pass(INTERVAL_MS)
  t.same(bench.begun, [])
  bench.backends = ["late"]
  await bench.pass(INTERVAL_MS)
  t.same(bench.begun, ["late"])
  await bench.finish("late")
  await bench.pass(INTERVAL_MS)
  t.same(bench.begun, ["late", "late"])
})

t.test("a removed backend is no longer checked", async (t) => {
  const bench = new Bench(["stays", "goes"])
  bench.checks.start()
  await bench.finish("stays")
  await bench.finish("goes")
  bench.backends = ["stays"]
  await bench.pass(INTERVAL_MS)
  t.same(bench.begun, ["stays", "goes", "stays"])
  bench.backends = ["stays", "goes"]
  await bench.pass(INTERVAL_MS)
  t.same(bench.begun.slice(3), ["goes"], "until it is there again")
})

t.test("the result of a check of a backend that was removed meanwhile is not reported", async (t) => {
  const bench = new Bench(["goes"])
  bench.checks.start()
  bench.backends = []
  await bench.finish("goes", DOWN)
  t.same(bench.results, [])
  t.equal(bench.clock.pending, 1, "nothing waits but for new backends")
})

t.test("after stop nothing runs, and late results are not reported", async (t) => {
  const bench = new Bench(["waits", "runs"])
  bench.checks.start()
  await bench.finish("waits")
  bench.checks.stop()
  t.equal(bench.clock.pending, 0)
  await bench.finish("runs", DOWN)
  t.same(bench.results, [["waits", undefined]])
  t.equal(bench.clock.pending, 0)
})

t.test("stop aborts the checks in flight", async (t) => {
  const bench = new Bench(["a", "b"])
  bench.checks.start()
  t.equal(bench.signals.get("a")?.aborted, false)
  bench.checks.stop()
  for (const backend of ["a", "b"]) t.equal(bench.signals.get(backend)?.aborted, true, backend)
})

t.test("a pool may stop the checks from within a report", async (t) => {
  const bench = new Bench(["a"])
  bench.checked = () => bench.checks.stop()
  bench.checks.start()
  await bench.finish("a")
  t.equal(bench.clock.pending, 0)
})

t.test("the timers are unref'ed, and cleared when the checks stop", async (t) => {
  const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length
  const before = timers()
  const pool = { members: ["a"], checked() {} }
  const checks = new HealthChecks(pool, { interval_ms: INTERVAL_MS }, async () => undefined, systemClock)
  checks.start()
  await settle()
  t.equal(timers(), before, "timers that are not waited for are not active")
  checks.stop()
})
