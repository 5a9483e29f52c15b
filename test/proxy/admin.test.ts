import { on, once } from "node:events"
import { readdirSync, watch } from "node:fs"
import { rm, writeFile } from "node:fs/promises"
import { connect } from "node:net"
import { join } from "node:path"
import t, { type Test } from "tap"
import { createProxy, Pool, SettingError } from "../../lib/index.js"
import { startAdminProxy, statusUntil } from "../support/admin/admin-proxy.js"
import { faultsIn, responseSchema } from "../support/admin/schema.js"
import { upgradeHead } from "../support/http/heads.js"
import { deadAddress, startBackend, startEchoBackend } from "../support/peers/backend.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { socketFolder } from "../support/peers/socket-folder.js"
import { turnUntil } from "../support/pool/turns.js"
import { temporaryFolder } from "../support/program/program.js"
import { nextEnd, nextRefusal, openTunnel } from "../support/program/proxy.js"
import { rejectionOf } from "../support/project/thrown.js"

const FRONT = { bind: "127.0.0.1:0", name: "front" }

t.test("every GET responds as it is documented, with and without sessions", async (t) => {
  const backend = await startEchoBackend(t)
  const { proxy, get } = await startAdminProxy(t, {
    pool: { chat: { backends: [backend.address, { address: await deadAddress(), drain: true }] } },
    ws_proxy: [
      {
        ...FRONT,
        backends: [backend.address],
        route: [
          { path: "/chat", host: "chat.example", header: { "X-Token": "secret" }, pool: "chat" },
          { path: "/own/*", backends: [backend.address] },
        ],
      },
    ],
  })
  const paths = ["/api/status", "/api/listeners", "/api/pools", "/api/sessions", "/api/ended"]
  const compare = async () => {
    for (const path of paths) {
      const { status, json } = await get(path)
      t.equal(status, 200)
      t.strictSame(faultsIn(json, responseSchema(path)), [], path)
    }
  }
  await compare()
  const ended = nextEnd(proxy)
  const client = await openTunnel(proxy, upgradeHead({ "X-Token": "secret" }))
  await compare()
  client.socket.destroy()
  await ended
  await compare()
  t.equal((await get("/openapi.json")).json.openapi, "3.1.0")
  const [listener] = (await get("/api/listeners")).json
  t.match(listener, {
    name: "front",
    address: proxy.address(),
    pool: "front",
    routes: [
      { route: 1, path: "/chat", host: ["chat.example"], header: ["X-Token"], pool: "chat" },
      { route: 2, path: "/own/*", pool: "front route 2" },
    ],
  })
  t.notMatch(JSON.stringify(listener), "secret")
})

t.test("the status counts what happens", async (t) => {
  const backend = await startEchoBackend(t)
  const { proxy, url } = await startAdminProxy(t, { ws_proxy: [{ ...FRONT, backends: [backend.address] }] })
  const client = await openTunnel(proxy)
  client.write("hello")
  await client.untilText("hello")
  const refused = nextRefusal(proxy)
  const other = await RawPeer.connect(proxy.address())
  other.write(upgradeHead({ "Sec-WebSocket-Key": undefined }))
  await refused
  const json = await statusUntil(url, ({ totals }) => totals.bytesFromBackend > 0)
  t.match(json, {
    workers: 1,
    draining: false,
    reloads: 0,
    logLevel: "info",
    totals: {
      sessions: 2,
      tunnels: 1,
      liveTunnels: 1,
      bytesFromClient: 5,
      bytesFromBackend: 5,
      refusals: { bad_key: 1 },
    },
  })
  other.socket.destroy()
})

t.test("a live session is listed, and closed", async (t) => {
  const backend = await startEchoBackend(t)
  const { proxy, get, post } = await startAdminProxy(t, {
    ws_proxy: [{ ...FRONT, backends: [backend.address] }],
  })
  const client = await openTunnel(proxy, upgradeHead({}, "GET /room?token=secret HTTP/1.1"))
  const { json } = await get(`/api/sessions?stage=tunnel&backend=${encodeURIComponent(backend.address)}`)
  t.equal(json.total, 1)
  const [session] = json.sessions
  t.match(session, { listener: "front", pool: "front", backend: backend.address, path: "/room" })
  t.equal((await get("/api/sessions?backend=other")).json.total, 0)
  const ended = nextEnd(proxy)
  t.match(await post(`/api/sessions/${session.id}/close`), { status: 200, json: { closed: 1 } })
  t.match(await ended, { reason: "admin_close", who: "proxy" })
  await client.untilEnd()
  client.socket.end()
  t.equal((await post(`/api/sessions/${session.id}/close`)).status, 404)
  t.match((await get("/api/ended")).json.sessions, [
    { reason: "admin_close", text: "closed through the admin API", path: "/room" },
  ])
})

t.test("a backend is drained, weighted, added and removed until the next reload", async (t) => {
  const [one, two] = [await startEchoBackend(t), await startEchoBackend(t)]
  const config = {
    pool: { chat: { backends: [one.address] } },
    ws_proxy: [{ ...FRONT, pool: "chat" }],
    admin: { bind: "127.0.0.1:0" },
  }
  const { proxy, get, post, lines } = await startAdminProxy(t, config)
  const backends = async () => (await get("/api/pools")).json[0].backends
  const path = `/api/pools/chat/backends/${encodeURIComponent(one.address)}`
  t.match(await post("/api/pools/chat/backends", { address: two.address, weight: 2 }), {
    status: 200,
    json: { changes: [`pool chat: backend ${two.address} added`] },
  })
  t.match(await post(`${path}/drain`), { status: 200 })
  t.match(await backends(), [
    { name: one.address, state: "draining", reason: "drain is set" },
    { name: two.address, state: "up", weight: 2 },
  ])
  const client = await openTunnel(proxy)
  t.equal(two.peers.length, 1)
  t.equal(one.peers.length, 0)
  t.match(await backends(), [
    { active: 0, share: 0 },
    { active: 1, share: 1, dials: 1, failures: 0 },
  ])
  await post(`${path}/undrain`)
  await post(`${path}/weight`, { weight: 5 })
  t.match(await backends(), [{ state: "up", weight: 5 }, {}])
  t.match(await post(`${path}/remove`), { status: 200 })
  t.equal((await backends()).length, 1)
  const last = `/api/pools/chat/backends/${encodeURIComponent(two.address)}/remove`
  t.equal((await post(last)).status, 409)
  t.equal((await post(`${path}/drain`)).status, 404)
  t.match(await post("/api/pools/chat/backends", { address: "nonsense" }), {
    status: 422,
    json: { error: "refused: the running configuration stays", problems: [/nonsense/] },
  })
  t.equal((await get("/api/status")).json.reloads, 5)
  await proxy.reload(config)
  t.match(await backends(), [{ name: one.address, state: "up", weight: 1 }])
  t.ok(
    lines.some(({ msg }) => String(msg).includes("drain false -> true")),
    "changes are logged",
  )
  client.write("still there")
  await client.untilText("still there")
})

t.test("the tunnels of one backend are closed, and others stay", async (t) => {
  const [one, two] = [await startEchoBackend(t), await startEchoBackend(t)]
  const { proxy, post } = await startAdminProxy(t, {
    ws_proxy: [{ ...FRONT, backends: [one.address, two.address], drain_spread_ms: 0 }],
  })
  const clients = await Promise.all([1, 2, 3, 4].map(() => openTunnel(proxy)))
  const path = (backend: string) => `/api/pools/front/backends/${encodeURIComponent(backend)}/close`
  t.match(await post(path(one.address)), { status: 200, json: { closed: 2 } })
  await turnUntil(() => clients.filter(({ ended }) => ended).length === 2, "the end of two tunnels")
  t.equal(two.peers.filter(({ ended }) => ended).length, 0)
  t.equal((await post(path("other:1"))).status, 404)
  t.equal((await post("/api/pools/other/backends/a/close")).status, 404)
})

t.test("an ejected backend is shown with its reason", async (t) => {
  // Nothing listens on port 1, and no server that is started later gets it by chance.
  const dead = "127.0.0.1:1"
  const backend = await startEchoBackend(t)
  const { proxy, get } = await startAdminProxy(t, {
    ws_proxy: [{ ...FRONT, backends: [dead, backend.address], max_fails: 1 }],
  })
  await openTunnel(proxy)
  const [pool] = (await get("/api/pools")).json
  t.match(pool.backends, [
    { name: dead, state: "ejected", reason: /1 attempt failed/, dials: 1, failures: 1 },
    { name: backend.address, state: "up", dials: 1, failures: 0, share: 1 },
  ])
  t.type(pool.backends[0].since, "string")
})

t.test("a pool that a program has made can be changed", async (t) => {
  const pool = new Pool([await deadAddress()])
  const { get, post } = await startAdminProxy(t, { ws_proxy: [{ ...FRONT, backends: pool }] })
  await post("/api/pools/front/backends", { address: "127.0.0.1:1" })
  t.equal((await get("/api/pools")).json[0].backends.length, 2)
  t.ok(pool.backends.includes("127.0.0.1:1"))
})

t.test("the log level changes until the next reload", async (t) => {
  const config = { ws_proxy: [{ ...FRONT, backends: ["127.0.0.1:1"] }], admin: { bind: "127.0.0.1:0" } }
  const { proxy, get, post, log } = await startAdminProxy(t, config)
  t.match(await post("/api/log-level", { level: "debug" }), { status: 200, json: { level: "debug" } })
  t.equal(log.level, "debug")
  t.equal((await get("/api/status")).json.logLevel, "debug")
  t.equal((await post("/api/log-level", { level: "loud" })).status, 400)
  await proxy.reload(config)
  t.equal(log.level, "info")
})

t.test("a reload reads the configuration again, if there is a file", async (t) => {
  const config = { ws_proxy: [{ ...FRONT, backends: ["127.0.0.1:1"] }] }
  const without = await startAdminProxy(t, config)
  t.equal((await without.post("/api/reload")).status, 409)
  let outcome: () => Promise<string[]> = async () => ["pool chat added"]
  const { post } = await startAdminProxy(t, config, { readAgain: () => outcome() })
  t.match(await post("/api/reload"), { status: 200, json: { changes: ["pool chat added"] } })
  outcome = () => Promise.reject(new SettingError("one\ntwo"))
  t.match(await post("/api/reload"), { status: 422, json: { problems: ["one", "two"] } })
})

t.test("events are streamed", async (t) => {
  const backend = await startEchoBackend(t)
  const { proxy, url } = await startAdminProxy(t, { ws_proxy: [{ ...FRONT, backends: [backend.address] }] })
  const gone = new AbortController()
  const response = await fetch(`${url}/api/events`, { signal: gone.signal })
  t.equal(response.headers.get("content-type"), "text/event-stream")
  const client = await openTunnel(proxy)
  client.socket.end()
  let text = ""
  const decoder = new TextDecoder()
  for await (const part of response.body ?? []) {
    text += decoder.decode(part, { stream: true })
    if (/event: end/.test(text)) break
  }
  t.match(text, /event: open\ndata: \{"listener":"front"/)
  t.match(text, /event: end\ndata: .*"reason":"client_fin"/)
})

t.test("events tell when a listener begins to drain and when it has drained, to the last one", async (t) => {
  const backends = [await deadAddress()]
  const config = { ws_proxy: [{ ...FRONT, backends }], admin: { bind: "127.0.0.1:0" } }
  const { proxy, url } = await startAdminProxy(t, {
    ws_proxy: [...config.ws_proxy, { bind: "127.0.0.1:0", name: "old", backends }],
  })
  const response = await fetch(`${url}/api/events`)
  await proxy.reload(config)
  await proxy.close()
  const text = await response.text()
  for (const listener of ["old", "front"]) {
    const begin = text.indexOf(`event: drain\ndata: {"listener":"${listener}"}`)
    t.ok(begin >= 0, listener)
    t.ok(text.indexOf(`event: stop\ndata: {"listener":"${listener}","cut":0}`) > begin, listener)
  }
})

t.test("while rws drains, it can be asked but not changed", async (t) => {
  const backend = await startEchoBackend(t)
  const { proxy, get, post, url } = await startAdminProxy(t, {
    ws_proxy: [{ ...FRONT, backends: [backend.address] }],
  })
  const client = await openTunnel(proxy)
  const closed = proxy.close(60_000)
  t.equal((await get("/api/status")).json.draining, true)
  t.equal((await get("/api/listeners")).json[0].draining, true)
  t.equal((await get("/api/sessions")).json.total, 1)
  t.equal((await post("/api/log-level", { level: "debug" })).status, 409)
  client.socket.end()
  t.equal(await closed, 0)
  t.type(await rejectionOf(() => fetch(url)), Error, "the admin server is closed last")
})

t.test("clients that don't read do not hold up the API or a tunnel", async (t) => {
  const backend = await startEchoBackend(t)
  const { proxy, get } = await startAdminProxy(t, { ws_proxy: [{ ...FRONT, backends: [backend.address] }] })
  const [, port] = (proxy.adminAddress() ?? "").split(":")
  const slow = Array.from({ length: 20 }, () => {
    const socket = connect(Number(port), "127.0.0.1")
    socket.on("error", () => {})
    socket.write("GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
    return socket.pause()
  })
  t.teardown(() => {
    for (const socket of slow) socket.destroy()
  })
  await Promise.all(slow.map((socket) => once(socket, "connect")))
  const client = await openTunnel(proxy)
  let longestMs = 0
  for (let message = 0; message < 200; message++) {
    const startedMs = performance.now()
    client.write(`${message};`)
    await client.untilText(`${message};`)
    longestMs = Math.max(longestMs, performance.now() - startedMs)
  }
  t.equal((await get("/api/status")).status, 200)
  t.ok(longestMs < 1000, `the slowest of 200 echoes took ${longestMs} ms`)
})

t.test("the token is read from its file", async (t) => {
  const file = join(await temporaryFolder(t), "token")
  const start = () =>
    createProxy({
      ws_proxy: [{ ...FRONT, backends: ["127.0.0.1:1"] }],
      admin: { bind: "127.0.0.1:0", token_file: file },
    })
  t.match(await rejectionOf(start), { name: "SettingError", message: /^admin\.token_file: .* can't be read/ })
  await writeFile(file, "short\n")
  t.match(await rejectionOf(start), { message: /at least 16 characters/ })
  await writeFile(file, "correct-horse-battery\n")
  const proxy = await start()
  t.teardown(() => proxy.close(0))
  const url = `http://${proxy.adminAddress()}/api/status`
  t.equal((await fetch(url)).status, 401)
  const headers = { Authorization: "Bearer correct-horse-battery" }
  t.equal((await fetch(url, { headers })).status, 200)
})

t.test("a taken admin address refuses the start, and nothing is left listening", async (t) => {
  const { proxy } = await startAdminProxy(t, { ws_proxy: [{ ...FRONT, backends: ["127.0.0.1:1"] }] })
  const taken = proxy.adminAddress() ?? ""
  const backend = await startBackend(t)
  const error = await rejectionOf(() =>
    createProxy({ ws_proxy: [{ ...FRONT, backends: [backend.address] }], admin: { bind: taken } }),
  )
  t.match(error, { name: "BindError", message: `cannot listen on ${taken}: it is already in use` })
})

/** A proxy that waits for its admin address, since a file is in the way. */
async function startWaiting(t: Test) {
  const folder = socketFolder(t)
  const path = join(folder, "admin.sock")
  await writeFile(path, "in the way")
  const config = { admin: { bind: `unix:${path}` }, ws_proxy: [{ ...FRONT, backends: ["127.0.0.1:1"] }] }
  return { ...(await startAdminProxy(t, config, { replaces: true })), folder, path }
}

t.test("an admin server that waits for its address opens once it is free", async (t) => {
  const { proxy, lines, path } = await startWaiting(t)
  t.match(lines.at(0), { msg: /waits for the address/ })
  await rm(path)
  await turnUntil(() => proxy.adminAddress() !== undefined, "the admin server")
  t.equal(proxy.adminAddress(), `unix:${path}`)
})

t.test("an admin server that waits for its address gives up at any other error", async (t) => {
  const { lines, folder } = await startWaiting(t)
  const errors = () => lines.filter(({ level }) => level === 50)
  await rm(folder, { recursive: true })
  await turnUntil(() => errors().length > 0, "an error")
  t.match(errors(), [{ msg: "the admin server can't listen", err: { type: "BindError" } }])
})

t.test("an admin server that is closed while it opens leaves nothing", async (t) => {
  const { proxy, lines, folder, path } = await startWaiting(t)
  await rm(path)
  const watcher = watch(folder)
  t.teardown(() => watcher.close())
  // It is renamed to its path before the open has ended.
  for await (const [, name] of on(watcher, "change")) if (name === "admin.sock") break
  await proxy.closeAdmin()
  t.strictSame(readdirSync(folder), [])
  t.equal(proxy.adminAddress(), undefined)
  t.notMatch(lines.at(-1), { msg: "admin server listening" })
})

t.test("without an admin address there is no admin server", async (t) => {
  const proxy = await createProxy({ ws_proxy: [{ ...FRONT, backends: ["127.0.0.1:1"] }] })
  t.teardown(() => proxy.close(0))
  t.equal(proxy.adminAddress(), undefined)
})
