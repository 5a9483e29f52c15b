/** The metrics of several worker threads: exact sums, which never go back when a thread dies. */
import t from "tap"
import { scrape, scrapeUntil } from "../support/metrics/scrape.js"
import { deadAddress, startEchoBackend } from "../support/peers/backend.js"
import { attempt, openAll } from "../support/peers/counted-client.js"
import { noNewerNode } from "../support/program/newer-node.js"
import { startWorkers } from "../support/program/start-workers.js"

const CHAT = { listener: "chat" }
const BYTES = 700

t.test("the counts of all workers are exact, and outlive their thread", { skip: noNewerNode }, async (t) => {
  const echo = await startEchoBackend(t)
  const admin = { bind: await deadAddress() }
  const listener = { name: "chat", bind: "127.0.0.1:0", backends: [echo.address], max_connections: 500 }
  const config = { workers: 3, admin, ws_proxy: [listener] }
  const host = await startWorkers(t, config)
  const [address = ""] = host.addresses

  const tunnels = await openAll(() => attempt(address), 60)
  t.equal(tunnels.length, 60)
  await Promise.all(
    tunnels.map(async ({ peer }) => {
      const before = peer.received.length
      peer.socket.write(Buffer.alloc(BYTES))
      await peer.until(({ received }) => received.length >= before + BYTES)
    }),
  )
  const open = await scrapeUntil(
    admin.bind,
    (metrics) => metrics.value("rws_tunnel_bytes_total", CHAT) === 2 * 60 * BYTES,
  )
  t.equal(open.value("rws_tunnel_bytes_total", { ...CHAT, from: "client" }), 60 * BYTES)
  t.equal(open.value("rws_tunnel_bytes_total", { ...CHAT, from: "backend" }), 60 * BYTES)
  t.equal(open.value("rws_sessions_total", CHAT), 60)
  t.equal(open.value("rws_tunnels_total", CHAT), 60)
  t.equal(open.value("rws_live_tunnels", CHAT), 60)
  t.equal(open.value("rws_head_duration_seconds_count", CHAT), 60)
  t.equal(open.value("rws_backend_live_sessions"), 60)
  t.equal(open.value("rws_backend_dials_total"), 60)
  t.equal(open.value("rws_backend_live_tunnels"), 60)
  t.equal(open.value("rws_backend_tunnel_bytes_total"), 2 * 60 * BYTES)
  t.same(
    open.labelsOf("rws_event_loop_delay_max_seconds").map(({ worker }) => worker),
    ["main", "0", "1", "2"],
  )
  const MAX_DELAY = "rws_event_loop_delay_max_seconds"
  const measured = await scrapeUntil(admin.bind, (now) => now.value(MAX_DELAY, { worker: "main" }) > 0)
  t.ok(measured.value(MAX_DELAY, { worker: "main" }) > 0, "the main thread is measured too")

  host.crash(1)
  const died = await host.logged(({ msg }) => msg === "worker thread ended")
  await host.logged(({ msg }) => msg === "worker thread replaced")
  const lost = Number(died.sessions)
  t.ok(lost > 0 && lost < 60, `${lost} sessions died`)
  const after = await scrape(admin.bind)
  t.equal(after.value("rws_sessions_total", CHAT), 60, "what the dead thread has counted stays")
  t.equal(after.value("rws_tunnels_total", CHAT), 60)
  t.equal(after.value("rws_tunnel_bytes_total", CHAT), 2 * 60 * BYTES)
  t.equal(after.value("rws_live_tunnels", CHAT), 60 - lost)
  t.equal(after.value("rws_backend_live_sessions"), 60 - lost)
  t.equal(after.value("rws_backend_live_tunnels"), 60 - lost)
  t.equal(after.value("rws_backend_tunnel_bytes_total"), 2 * 60 * BYTES)
  t.equal(after.value("rws_session_ends_total", CHAT), 0)
  t.equal(after.value("rws_worker_deaths_total"), 1)
  t.equal(after.value("rws_lost_sessions_total"), lost)

  const more = await openAll(() => attempt(address), 30)
  await Promise.all([...tunnels, ...more].map((tunnel) => tunnel.close().catch(() => {})))
  const ended = await scrapeUntil(admin.bind, (metrics) => metrics.value("rws_live_sessions", CHAT) === 0)
  t.equal(ended.value("rws_tunnels_total", CHAT), 90)
  t.equal(ended.value("rws_session_ends_total", CHAT), 90 - lost)
  t.equal(ended.value("rws_tunnel_duration_seconds_count", CHAT), 90 - lost)
  t.equal(ended.value("rws_sessions_total", CHAT), 90)

  await host.reload({ ...config, ws_proxy: [{ ...listener, max_connections: 400 }] })
  const reloaded = await scrape(admin.bind)
  t.equal(reloaded.value("rws_tunnels_total", CHAT), 90, "a reload keeps the counts")
  t.equal(reloaded.value("rws_live_sessions_limit", CHAT), 400)
  await host.close(0)
})
