/** A pool shared by several proxies must be checked once, or its thresholds would be reached sooner. */
import { EventEmitter, once } from "node:events"
import t, { type Test } from "tap"
import { createProxy, Pool } from "../../lib/index.js"
import { startBackend } from "../support/peers/backend.js"
import { turnUntil } from "../support/pool/turns.js"
import { collectLog } from "../support/program/log-lines.js"

const INTERVAL_MS = 50

async function startOn(t: Test, pool: Pool, name: string) {
  const { log, lines } = collectLog()
  const proxy = await createProxy({ ws_proxy: [{ name, bind: "127.0.0.1:0", backends: pool }] }, { log })
  t.teardown(() => proxy.close(0))
  const said = (message: string) => lines.filter(({ msg, pool }) => msg === message && pool === name)
  return { proxy, said }
}

/** A backend that emits "check" for each connection, and closes it at once if it is unhealthy. */
async function startChecked(t: Test) {
  const checks = new EventEmitter()
  const state = { isIll: false, checks }
  const backend = await startBackend(t, (peer) => {
    if (state.isIll) peer.socket.destroy()
    else peer.write("HTTP/1.1 200 OK\r\n\r\n").socket.end()
    checks.emit("check")
  })
  return { state, backend }
}

t.test("a pool of two proxies is checked once per interval while either of them runs", async (t) => {
  const { state, backend } = await startChecked(t)
  const pool = new Pool([backend.address], { health_check: { type: "http", interval_ms: INTERVAL_MS } })
  const [one, other] = [await startOn(t, pool, "one"), await startOn(t, pool, "other")]
  const begunMs = performance.now()
  const before = backend.peers.length
  for (let i = 0; i < 6; i++) await once(state.checks, "check")
  t.ok(backend.peers.length - before <= 7)
  t.ok(performance.now() - begunMs > 4 * 0.9 * INTERVAL_MS, "the checks are not doubled")

  await one.proxy.close(0)
  await once(state.checks, "check")
  await once(state.checks, "check")
  t.pass("the other proxy keeps checking")
  await one.proxy.close(0)
  await once(state.checks, "check")
  t.pass("also when the first one is closed a second time")

  state.isIll = true
  await turnUntil(() => other.said("backend is down").length > 0, "the backend going down")
  t.same(one.said("backend is down"), [], "a closed proxy logs nothing more")

  await other.proxy.close(0)
  const last = backend.peers.length
  const third = await startOn(t, pool, "third")
  await once(state.checks, "check")
  t.equal(backend.peers.length, last + 1, "no check ran in between, and now they run again")
  state.isIll = false
  await turnUntil(() => third.said("backend is up").length > 0, "the backend coming up")
})

t.test("each proxy logs the changes of a shared pool once", async (t) => {
  const { state, backend } = await startChecked(t)
  const check = { type: "http", interval_ms: 1, unhealthy_threshold: 1, healthy_threshold: 1 } as const
  const pool = new Pool([backend.address], { health_check: check })
  const proxies = [await startOn(t, pool, "one"), await startOn(t, pool, "other")]
  state.isIll = true
  for (const { said } of proxies) await turnUntil(() => said("backend is down").length > 0, "going down")
  state.isIll = false
  for (const { said } of proxies) await turnUntil(() => said("backend is up").length > 0, "coming up")
  for (const { said } of proxies) t.equal(said("backend is down").length, 1)
})

t.test("close aborts the checks in flight", async (t) => {
  const backend = await startBackend(t)
  const health_check = { type: "http", timeout_ms: 60_000 } as const
  const { proxy } = await startOn(t, new Pool([backend.address], { health_check }), "waits")
  const peer = await backend.peer()
  await peer.untilText("\r\n\r\n")
  await proxy.close(0)
  await peer.untilEnd()
})
