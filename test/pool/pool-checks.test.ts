import { setImmediate } from "node:timers/promises"
import t from "tap"
import { LocalAddresses } from "../../lib/net/local-addresses.js"
import { Pool } from "../../lib/pool/pool.js"
import { useChecks } from "../../lib/pool/pool-checks.js"
import type { PoolObserver } from "../../lib/pool/pool-observer.js"
import { FakeClock } from "../support/clock/fake-clock.js"
import { startBackend } from "../support/peers/backend.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { turnUntil } from "../support/pool/turns.js"

function collectReports() {
  const reported: unknown[] = []
  const observer: PoolObserver = {
    onHealthChange: (change) => reported.push(["change", change]),
    onCloseTunnels: ({ name }) => reported.push(["close tunnels", name]),
    onUncheckable: (backend, fault) => reported.push(["uncheckable", backend, fault]),
    onCheckDefect: (backend, error) => reported.push(["defect", backend, error]),
  }
  return { observer, reported }
}

t.test("a health check that throws is reported, counts neither way, and is repeated", async (t) => {
  const { observer, reported } = collectReports()
  const clock = new FakeClock()
  const settings = { health_check: { interval_ms: 1000, unhealthy_threshold: 1 } }
  const pool = new Pool(["127.0.0.1:9"], settings, clock)
  let checks = 0
  const tlsFor = () => {
    throw new Error(`defect ${++checks}`)
  }
  t.teardown(useChecks({ pool, observer, tlsFor }))
  pool.onHealthChange(() => t.fail("it went down"))
  for (let check = 1; check <= 3; check++) {
    t.equal(checks, check)
    await setImmediate()
    clock.advance(1100)
  }
  t.match(reported[0], ["defect", "127.0.0.1:9", { message: "defect 1" }])
})

t.test("a pool without health_check is not checked", async (t) => {
  const backend = await startBackend(t)
  const pool = new Pool([backend.address])
  const leave = useChecks({ pool, observer: collectReports().observer, tlsFor: () => undefined })
  await RawPeer.connect(backend.address)
  t.equal(backend.peers.length, 1, "nobody else has connected")
  leave()
})

t.test("checks dial from the pool's local addresses of the moment, which a reload may change", async (t) => {
  const backend = await startBackend(t)
  const clock = new FakeClock()
  const pool = new Pool([backend.address], { health_check: { interval_ms: 1000 } }, clock)
  const user = {
    pool,
    observer: collectReports().observer,
    tlsFor: () => undefined,
    from: new LocalAddresses(["127.0.0.2"]),
  }
  t.teardown(useChecks(user))
  await turnUntil(() => backend.peers.length === 1, "the first check")
  user.from = new LocalAddresses(["127.0.0.3"])
  const hasCheckedAgain = () => {
    clock.advance(1100)
    return backend.peers.length > 1
  }
  await turnUntil(hasCheckedAgain, "the second check")
  t.same(
    backend.peers.slice(0, 2).map(({ socket }) => socket.remoteAddress?.replace("::ffff:", "")),
    ["127.0.0.2", "127.0.0.3"],
  )
})
