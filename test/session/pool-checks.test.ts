import t from "tap"
import { Pool } from "../../lib/pool/pool.js"
import { useChecks } from "../../lib/session/pool-checks.js"
import { startBackend } from "../support/peers/backend.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { turnUntil } from "../support/pool/turns.js"
import { collectLog } from "../support/program/log-lines.js"

t.test("a health check that throws is logged, counts neither way, and comes again", async (t) => {
  const { log, lines } = collectLog()
  const pool = new Pool(["127.0.0.1:9"], { health_check: { interval_ms: 1, unhealthy_threshold: 1 } })
  let checks = 0
  const tlsFor = () => {
    throw new Error(`defect ${++checks}`)
  }
  t.teardown(useChecks({ name: "chat", pool, log, tlsFor }))
  pool.onHealthChange(() => t.fail("it went down"))
  await turnUntil(() => checks === 3, "three checks")
  t.match(lines[0], {
    level: 50,
    msg: "backend could not be checked",
    pool: "chat",
    backend: "127.0.0.1:9",
    reason: "internal_error",
    err: { message: "defect 1" },
  })
})

t.test("a pool without health_check is not checked", async (t) => {
  const backend = await startBackend(t)
  const pool = new Pool([backend.address])
  const leave = useChecks({ name: "chat", pool, log: collectLog().log, tlsFor: () => undefined })
  await RawPeer.connect(backend.address)
  t.equal(backend.peers.length, 1, "nobody else has connected")
  leave()
})
