/** What `/metrics` says about a proxy, counted by the clients and backends of the test. */
import { spawnSync } from "node:child_process"
import { once } from "node:events"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import t, { type Test } from "tap"
import type { Config } from "../../lib/config/schema.js"
import { createProxy, Pool, type RunningProxy } from "../../lib/index.js"
import { FAMILIES } from "../../lib/metrics/registry.js"
import { upgradeHead } from "../support/http/heads.js"
import { scrape, scrapeUntil } from "../support/metrics/scrape.js"
import { deadAddress, startBackend, startEchoBackend } from "../support/peers/backend.js"
import { attempt, openAll } from "../support/peers/counted-client.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { temporaryFolder } from "../support/program/program.js"
import { rejectionOf } from "../support/project/thrown.js"

const ADMIN = { bind: "127.0.0.1:0" }
const BIND = "127.0.0.1:0"

async function start(t: Test, config: Config): Promise<RunningProxy> {
  const proxy = await createProxy({ admin: ADMIN, ...config })
  t.teardown(() => proxy.close(0))
  return proxy
}

t.test("sessions, tunnels, ends, refusals and bytes are counted exactly", async (t) => {
  const echo = await startEchoBackend(t)
  const dead = await deadAddress()
  const proxy = await start(t, {
    ws_proxy: [
      {
        name: "chat",
        bind: BIND,
        max_connections: 100,
        backends: [echo.address],
        route: [{ path: "/dead", backends: [dead] }],
      },
      { name: "other", bind: BIND, backends: [echo.address] },
    ],
  })
  const admin = proxy.adminAddress()
  const tunnels = await openAll(() => attempt(proxy.address()), 7)
  t.equal(tunnels.length, 7)
  const open = await scrape(admin)
  const chat = { listener: "chat" }
  t.equal(open.value("rws_live_sessions", chat), 7)
  t.equal(open.value("rws_live_tunnels", chat), 7)
  t.equal(open.value("rws_pending_sessions", chat), 0)
  t.equal(open.value("rws_tunnels_total", chat), 7)
  t.equal(open.value("rws_handshake_duration_seconds_count", chat), 7, "while they are open")
  t.equal(open.value("rws_tunnel_duration_seconds_count", chat), 0)
  t.equal(open.value("rws_live_sessions_limit", chat), 100)
  t.same(open.labelsOf("rws_pending_sessions_limit"), [])
  t.equal(open.value("rws_live_sessions", { listener: "other" }), 0)
  t.equal(open.value("rws_backend_live_sessions", { pool: "chat", backend: echo.address }), 7)

  const [first, ...rest] = tunnels
  first?.peer.socket.write(Buffer.alloc(1000))
  await first?.peer.until(({ received }) => received.length >= 1000)
  const moved = await scrapeUntil(admin, (metrics) => metrics.value("rws_tunnel_bytes_total", chat) === 2000)
  t.equal(moved.value("rws_tunnel_bytes_total", { ...chat, from: "client" }), 1000, "while they are open")
  t.equal(moved.value("rws_tunnel_bytes_total", { ...chat, from: "backend" }), 1000)
  const pool = { pool: "chat" }
  t.equal(moved.value("rws_backend_live_tunnels", pool), 7)
  t.equal(moved.value("rws_backend_tunnel_bytes_total", { ...pool, from: "client" }), 1000)
  t.equal(moved.value("rws_backend_tunnel_bytes_total", { ...pool, from: "backend" }), 1000)

  await first?.close()
  await Promise.all(rest.map((tunnel) => tunnel.close(true)))
  const bad = await RawPeer.connect(proxy.address())
  bad.write(upgradeHead({ "Sec-WebSocket-Key": "x" }))
  await bad.untilEnd()
  const toDead = await RawPeer.connect(proxy.address())
  toDead.write(upgradeHead({}, "GET /dead HTTP/1.1"))
  await toDead.untilEnd()
  for (const { socket } of [bad, toDead]) socket.destroy()
  const ended = await scrapeUntil(admin, (metrics) => metrics.value("rws_live_sessions", chat) === 0)
  const ends = (reason: string) => ended.value("rws_session_ends_total", { ...chat, reason })
  t.equal(ended.value("rws_sessions_total", chat), 9)
  t.equal(ended.value("rws_session_ends_total", chat), 9)
  t.equal(ends("client_fin"), 1)
  t.equal(ends("client_reset"), 6)
  t.equal(ends("bad_key"), 1)
  t.equal(ends("backend_unreachable"), 1)
  t.equal(ended.value("rws_refusals_total", { ...chat, status: "400" }), 1)
  t.equal(ended.value("rws_refusals_total", { ...chat, status: "502" }), 1)
  t.equal(ended.value("rws_tunnel_duration_seconds_count", chat), 7)
  t.equal(ended.value("rws_head_duration_seconds_count", chat), 9)
  t.equal(ended.value("rws_dial_duration_seconds_count", chat), 8)
  const backend = { pool: "chat", backend: echo.address }
  t.equal(ended.value("rws_backend_dials_total", backend), 7)
  t.equal(ended.value("rws_backend_tunnels_total", backend), 7)
  t.equal(ended.value("rws_backend_live_tunnels", backend), 0)
  t.equal(ended.value("rws_backend_tunnel_bytes_total", backend), 2000)
  t.equal(ended.value("rws_backend_failures_total", backend), 0)
  t.equal(ended.value("rws_backend_failures_total", { pool: "chat route 1", backend: dead }), 1)
  t.equal(ended.value("rws_ready"), 1)
})

t.test("a backend is up until it is ejected, and a drained one says so", async (t) => {
  const echo = await startEchoBackend(t)
  const dead = await deadAddress()
  const pool = { chat: { backends: [dead, echo.address], max_fails: 1, fail_timeout_ms: 600_000 } }
  const proxy = await start(t, { pool, ws_proxy: [{ bind: BIND, pool: "chat" }] })
  const admin = proxy.adminAddress()
  const up = await scrape(admin)
  t.equal(up.value("rws_backend_up", { backend: dead }), 1)
  for (const tunnel of await openAll(() => attempt(proxy.address()), 2)) await tunnel.close()
  const ejected = await scrape(admin)
  t.equal(ejected.value("rws_backend_up", { backend: dead }), 0)
  t.equal(ejected.value("rws_backend_ejected", { backend: dead }), 1)
  t.equal(ejected.value("rws_backend_up", { backend: echo.address }), 1)
  const drained = { chat: { backends: [dead, { address: echo.address, weight: 0 }] } }
  await proxy.reload({ admin: ADMIN, pool: drained, ws_proxy: [{ bind: BIND, pool: "chat" }] })
  const after = await scrape(admin)
  t.equal(after.value("rws_backend_draining", { backend: echo.address }), 1)
  t.equal(after.value("rws_backend_weight", { backend: echo.address }), 0)
})

t.test("counts survive a reload, under the listener's new name", async (t) => {
  const echo = await startEchoBackend(t)
  const listener = { bind: BIND, backends: [echo.address] }
  const proxy = await start(t, { ws_proxy: [listener] })
  const admin = proxy.adminAddress()
  const [tunnel] = await openAll(() => attempt(proxy.address()), 1)
  await proxy.reload({ admin: ADMIN, ws_proxy: [{ ...listener, max_connections: 9 }] })
  await rejectionOf(() => proxy.reload({ ws_proxy: [] }))
  const [more] = await openAll(() => attempt(proxy.address()), 1)
  const metrics = await scrape(admin)
  t.equal(metrics.value("rws_tunnels_total"), 2)
  t.equal(metrics.value("rws_live_tunnels"), 2)
  t.equal(metrics.value("rws_live_sessions_limit"), 9)
  t.equal(metrics.value("rws_reloads_total"), 1)
  t.equal(metrics.value("rws_reload_failures_total"), 1)
  await Promise.all([tunnel?.close(), more?.close()])
  await proxy.reload({ ws_proxy: [{ ...listener, name: "chat" }, { ...listener }] }).catch(() => {})
})

t.test("changes by the admin API are counted apart from reloads, and refused ones not at all", async (t) => {
  const echo = await startEchoBackend(t)
  const proxy = await start(t, { ws_proxy: [{ name: "chat", bind: BIND, backends: [echo.address] }] })
  const admin = proxy.adminAddress()
  const add = async (address: string) => {
    const headers = { "Content-Type": "application/json" }
    const request = { method: "POST", headers, body: JSON.stringify({ address }) }
    return (await fetch(`http://${admin}/api/pools/chat/backends`, request)).status
  }
  t.equal(await add(await deadAddress()), 200)
  t.equal(await add("nonsense"), 422)
  const metrics = await scrape(admin)
  t.equal(metrics.value("rws_api_changes_total"), 1)
  t.equal(metrics.value("rws_reloads_total"), 0)
  t.equal(metrics.value("rws_reload_failures_total"), 0)
})

t.test("pools of the same name are told apart", async (t) => {
  const [one, other] = [await startEchoBackend(t), await startEchoBackend(t)]
  const proxy = await start(t, {
    pool: { chat: { backends: [one.address] } },
    ws_proxy: [
      { name: "chat", bind: BIND, backends: [other.address], route: [{ path: "/x", pool: "chat" }] },
    ],
  })
  const metrics = await scrape(proxy.adminAddress())
  t.equal(metrics.value("rws_backend_up", { pool: "chat", backend: one.address }), 1)
  t.equal(metrics.value("rws_backend_up", { pool: "chat (2)", backend: other.address }), 1)
})

t.test("a Pool of a program is shown as it is at that moment", async (t) => {
  const pool = new Pool(["127.0.0.1:1"])
  const proxy = await start(t, { ws_proxy: [{ name: "chat", bind: BIND, backends: pool }] })
  pool.add("127.0.0.1:2")
  const metrics = await scrape(proxy.adminAddress())
  t.same(
    metrics.labelsOf("rws_backend_up").map(({ backend }) => backend),
    ["127.0.0.1:1", "127.0.0.1:2"],
  )
})

t.test("labels are bounded: no path and no client is in the metrics", async (t) => {
  const echo = await startEchoBackend(t)
  const proxy = await start(t, { ws_proxy: [{ name: 'say "hi"\\n', bind: BIND, backends: [echo.address] }] })
  const peer = await RawPeer.connect(proxy.address())
  peer.write(upgradeHead({ "X-Forwarded-For": "203.0.113.7" }, "GET /secret-room?key=1 HTTP/1.1"))
  await peer.untilText("\r\n\r\n")
  const { text, ...metrics } = await scrape(proxy.adminAddress()).then((metrics) => metrics)
  t.notMatch(text, /secret-room|203\.0\.113\.7/)
  t.notMatch(text, new RegExp(`:${peer.socket.localPort}\\b`))
  t.ok(metrics)
  const known = new Set(["le", "version", "node", ...FAMILIES.flatMap(({ labelNames }) => labelNames)])
  for (const [, inner = ""] of text.matchAll(/^rws_\w+\{(.*)\}/gm)) {
    for (const [, name = ""] of inner.matchAll(/(\w+)="(?:[^"\\]|\\.)*"/g)) t.ok(known.has(name), name)
  }
  peer.socket.destroy()
})

t.test("promtool finds nothing to complain about", { skip: noPromtool() }, async (t) => {
  const echo = await startEchoBackend(t)
  const proxy = await start(t, {
    ws_proxy: [{ name: "chat", bind: BIND, backends: [echo.address], max_pending: 5 }],
  })
  await openAll(() => attempt(proxy.address()), 1).then(([tunnel]) => tunnel?.close())
  const { text } = await scrape(proxy.adminAddress())
  const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], {
    input: text,
    encoding: "utf8",
  })
  t.equal(stdout + stderr, "")
  t.equal(status, 0)
})

t.test("every metric has one help, one type and a name of its own", async (t) => {
  t.equal(new Set(FAMILIES.map(({ name }) => name)).size, FAMILIES.length)
  for (const { name, help, type } of FAMILIES) {
    t.match(name, /^rws_[a-z0-9]+(_[a-z0-9]+)*$/)
    t.match(help, /^[A-Z0-9].*\.$/, name)
    t.equal(name.endsWith("_total"), type === "counter", name)
  }
})

t.test("without [admin] bind nothing listens and nothing is counted", async (t) => {
  const echo = await startEchoBackend(t)
  const proxy = await createProxy({ ws_proxy: [{ bind: BIND, backends: [echo.address] }] })
  t.teardown(() => proxy.close(0))
  t.equal(proxy.adminAddress(), undefined)
  const [tunnel] = await openAll(() => attempt(proxy.address()), 1)
  await tunnel?.close()
})

t.test("a reload that adds [admin] says that it takes effect at the next start", async (t) => {
  const listener = { bind: BIND, backends: ["127.0.0.1:1"] }
  const proxy = await createProxy({ ws_proxy: [listener] })
  t.teardown(() => proxy.close(0))
  const changes = await proxy.reload({ admin: ADMIN, ws_proxy: [listener] })
  t.match(changes, [/^admin\.bind off -> "127\.0\.0\.1:0" \(takes effect at the next start\)$/])
  t.equal(proxy.adminAddress(), undefined)
})

t.test("an admin address that is taken leaves nothing bound", async (t) => {
  const echo = await startBackend(t)
  const bind = await deadAddress()
  const config = { admin: { bind: echo.address }, ws_proxy: [{ bind, backends: [echo.address] }] }
  t.match(await rejectionOf(() => createProxy(config)), { name: "BindError", message: /already in use/ })
  await t.rejects(RawPeer.connect(bind))
})

t.test("with a token_file the metrics need the token, and probes do not", async (t) => {
  const token_file = join(await temporaryFolder(t), "token")
  await writeFile(token_file, "0123456789abcdef\n")
  const proxy = await start(t, {
    admin: { ...ADMIN, token_file },
    ws_proxy: [{ bind: BIND, backends: ["127.0.0.1:1"] }],
  })
  const url = `http://${proxy.adminAddress()}`
  t.equal((await fetch(`${url}/metrics`)).status, 401)
  const headers = { Authorization: "Bearer 0123456789abcdef" }
  const answer = await fetch(`${url}/metrics`, { headers })
  t.equal(answer.status, 200)
  t.equal(answer.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8")
  t.equal((await fetch(`${url}/livez`)).status, 200)
  t.equal((await fetch(`${url}/readyz`)).status, 200)
  await writeFile(token_file, "short")
  const config = { admin: { ...ADMIN, token_file }, ws_proxy: [{ bind: BIND, backends: ["127.0.0.1:1"] }] }
  t.match(await rejectionOf(() => createProxy(config)), { name: "SettingError", message: /at least 16/ })
})

t.test("rws is not ready from the request to stop on, also during drain_delay_ms, but alive", async (t) => {
  const echo = await startEchoBackend(t)
  const admin = { bind: await deadAddress() }
  const listener = { bind: BIND, backends: [echo.address], drain_delay_ms: 600_000 }
  const proxy = await createProxy({ admin, ws_proxy: [listener] })
  t.teardown(() => proxy.close(0))
  const status = async (path: string) => (await fetch(`http://${admin.bind}${path}`)).status
  t.same([await status("/livez"), await status("/readyz")], [200, 200])
  const [tunnel] = await openAll(() => attempt(proxy.address()), 1)
  const closed = proxy.close()
  t.same([await status("/livez"), await status("/readyz")], [200, 503])
  t.equal((await scrape(admin.bind)).value("rws_ready"), 0)
  const late = await attempt(proxy.address())
  t.equal(late.status, 101, "during the delay clients are still served")
  await Promise.all([tunnel?.close(), late.close()])
  await proxy.close(0)
  await closed
  await t.rejects(RawPeer.connect(admin.bind), "the admin server goes last")
})

t.test("a probe and a scrape hold no reload and no session up", async (t) => {
  const echo = await startEchoBackend(t)
  const proxy = await start(t, { ws_proxy: [{ bind: BIND, backends: [echo.address] }] })
  const idle = await RawPeer.connect(proxy.adminAddress() ?? "")
  idle.write("GET /metrics HTTP/1.1\r\n")
  const [tunnel] = await openAll(() => attempt(proxy.address()), 1)
  t.equal(tunnel?.status, 101)
  await tunnel?.close()
  const gone = once(idle.socket, "close")
  await proxy.close(0)
  idle.socket.destroy()
  await gone
})

function noPromtool(): string | false {
  const isThere = spawnSync("promtool", ["--version"]).status === 0
  if (!isThere && process.env.CI) throw new Error("promtool is not installed")
  return isThere ? false : "promtool is not installed (Debian: prometheus)"
}
