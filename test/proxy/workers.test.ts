import { randomBytes } from "node:crypto"
import { once } from "node:events"
import { createServer } from "node:net"
import { join } from "node:path"
import t from "tap"
import { upgradeHead } from "../support/http/heads.js"
import { deadAddress, startBackend, startEchoBackend } from "../support/peers/backend.js"
import { type Attempt, attempt, openAll } from "../support/peers/counted-client.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { socketFolder } from "../support/peers/socket-folder.js"
import { NEWER_NODE, noNewerNode } from "../support/program/newer-node.js"
import { logOf, Program, RWS, untilLogged, untilServing } from "../support/program/program.js"
import { startWorkers } from "../support/program/start-workers.js"

const SESSIONS = 60

t.test(
  "worker threads share listeners, and the main thread logs for all",
  { skip: noNewerNode },
  async (t) => {
    const [echo, other] = [await startEchoBackend(t), await startEchoBackend(t)]
    const path = join(socketFolder(t), "rws.sock")
    const bind = "127.0.0.1:0"
    const first = { bind, name: "first", backends: [echo.address, other.address] }
    const unix = { bind: `unix:${path}`, name: "unix", backends: [echo.address] }
    const config = { workers: 2, log: { level: "debug" as const }, ws_proxy: [first, unix] }
    const host = await startWorkers(t, config)
    const [address = "", unixAddress = ""] = host.addresses
    const endsOf = (listener: string) =>
      host.lines.filter((line) => line.msg === "session ended" && line.listener === listener)

    await t.test("listeners are logged once, a Unix socket with the worker that serves it", async (t) => {
      const listening = host.lines.filter(({ msg }) => msg === "listening")
      t.match(listening, [{ listener: "first", bind: address }, { listener: "unix" }])
      t.equal(listening.length, 2)
      t.match(
        host.lines.filter(({ msg }) => String(msg).startsWith("served by one worker thread only")),
        [{ listener: "unix", worker: 0 }],
      )
    })

    await t.test("every session has one line, and each worker serves a part of them", async (t) => {
      const tunnels = await openAll(() => attempt(address), SESSIONS)
      const before = endsOf("first").length
      await Promise.all(tunnels.map((tunnel) => tunnel.close()))
      await host.logged(() => endsOf("first").length >= before + SESSIONS)
      const workers = endsOf("first").map(({ worker }) => worker)
      t.equal(workers.length, SESSIONS)
      for (const worker of [0, 1]) {
        const share = workers.filter((one) => one === worker).length
        t.ok(share > SESSIONS / 10, `worker ${worker} has served ${share}`)
      }
    })

    await t.test("workers tell what their sessions do, since the log shows debug", async (t) => {
      const steps = host.lines.filter(({ msg, listener }) => msg === "dialling" && listener === "first")
      t.equal(steps.length, SESSIONS)
      t.strictSame([...new Set(steps.map(({ worker }) => worker))].sort(), [0, 1])
    })

    await t.test("backends take turns over all workers", async (t) => {
      t.equal(echo.peers.length, SESSIONS / 2)
      t.equal(other.peers.length, SESSIONS / 2)
    })

    await t.test("a Unix socket works", async (t) => {
      const client = await RawPeer.connect(unixAddress)
      client.write(upgradeHead())
      await client.untilText("\r\n\r\n")
      client.socket.end()
      await host.logged(() => endsOf("unix").length === 1)
      t.match(endsOf("unix"), [{ worker: 0, client: "unix", status: 101 }])
    })

    await t.test("tunnels pass on every byte, in both workers", async (t) => {
      const tunnels = await openAll(() => attempt(address), 8)
      const sent = await Promise.all(tunnels.map((tunnel) => echoed(tunnel, randomBytes(300_000))))
      for (const isSame of sent) t.ok(isSame)
      await Promise.all(tunnels.map((tunnel) => tunnel.close()))
    })

    await t.test("a reload reaches all workers, and open tunnels stay", async (t) => {
      const tunnels = await openAll(() => attempt(address), 8)
      const limited = { ...first, max_connections: 8 }
      const added = { bind, name: "added", backends: [echo.address] }
      const reloaded = await host.reload({ ...config, ws_proxy: [limited, added] })
      t.equal(reloaded.kind, "reloaded")
      t.equal(host.addresses[0], address)
      for (let tries = 0; tries < 6; tries++) t.equal((await attempt(address)).status, 503)
      const more = await openAll(() => attempt(host.addresses[1] ?? ""), 6)
      t.equal(more.length, 6)
      for (const tunnel of tunnels) t.ok(await echoed(tunnel, randomBytes(1000)))
      await host.logged(({ msg, listener }) => msg === "stopped" && listener === "unix")
      await t.rejects(RawPeer.connect(unixAddress))
      await Promise.all([...tunnels, ...more].map((tunnel) => tunnel.close()))
    })

    await t.test("a listener that a reload removes can be added by the next one at once", async (t) => {
      const again = { bind: await deadAddress(), name: "again", backends: [echo.address] }
      for (let round = 0; round < 5; round++) {
        const added = host.reload({ ...config, ws_proxy: [first, again] })
        t.match(await added, { kind: "reloaded" })
        t.match(await host.reload({ ...config, ws_proxy: [first] }), { kind: "reloaded" })
      }
    })

    await t.test("a reload that can't bind changes nothing", async (t) => {
      const taken = createServer().listen(0, "127.0.0.1")
      t.teardown(() => taken.close())
      await once(taken, "listening")
      const { port } = taken.address() as { port: number }
      const failed = await host.reload({
        ...config,
        ws_proxy: [{ ...first, bind: `127.0.0.1:${port}` }],
      })
      t.match(failed, { kind: "failed", name: "BindError", message: /it is already in use/ })
      const [opened] = await openAll(() => attempt(address), 1)
      t.ok(opened && (await echoed(opened, randomBytes(1000))))
      await opened?.close()
    })

    await t.test("a drain lets tunnels in all workers go on, and closes those that are left", async (t) => {
      const tunnels = await openAll(() => attempt(address), 8)
      const [short, ...long] = tunnels
      const closed = host.close()
      await t.rejects(untilRefused(address))
      for (const tunnel of tunnels) t.ok(await echoed(tunnel, randomBytes(1000)))
      await short?.close()
      const all = Promise.all(long.map(({ peer }) => peer.untilEnd()))
      const now = host.close(0)
      await all
      t.match(await closed, { kind: "closed", cut: 7 })
      await now
      for (const { peer } of long) peer.socket.destroy()
      const drained = endsOf("first").filter(({ reason }) => reason === "drain_timeout")
      t.equal(drained.length, 7)
    })
  },
)

t.test("an address that another program listens on is refused", { skip: noNewerNode }, async (t) => {
  const taken = createServer().listen(0, "127.0.0.1")
  t.teardown(() => taken.close())
  await once(taken, "listening")
  const { port } = taken.address() as { port: number }
  await t.rejects(
    startWorkers(t, { workers: 2, ws_proxy: [{ bind: `127.0.0.1:${port}`, backends: ["127.0.0.1:1"] }] }),
    { message: `BindError: cannot listen on 127.0.0.1:${port}: it is already in use` },
  )
})

t.test(
  "with reuse_port the workers of two programs listen side by side",
  { skip: noNewerNode },
  async (t) => {
    const echo = await startEchoBackend(t)
    const listener = { bind: "127.0.0.1:0", backends: [echo.address], reuse_port: true }
    const old = await startWorkers(t, { workers: 2, ws_proxy: [listener] })
    const [address = ""] = old.addresses
    const next = await startWorkers(t, { workers: 2, ws_proxy: [{ ...listener, bind: address }] })
    t.same(next.addresses, [address])
    t.equal((await old.close(0)).kind, "closed")
    const tunnels = await openAll(() => attempt(address), 6)
    t.equal(tunnels.length, 6, "the new one serves all clients once the old one has closed")
    await Promise.all(tunnels.map((tunnel) => tunnel.close()))
  },
)

t.test("health checks run once, and their result holds for all workers", { skip: noNewerNode }, async (t) => {
  let probes = 0
  let isUp = true
  const backend = await startBackend(t, (peer) => {
    void peer.untilText("\r\n\r\n").then(() => {
      probes++
      peer.write(`HTTP/1.1 ${isUp ? 200 : 503} -\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`)
      peer.socket.end()
    })
  })
  const host = await startWorkers(t, {
    workers: 2,
    pool: {
      main: {
        backends: [backend.address],
        health_check: { type: "http", interval_ms: 200, expect_status: [200] },
      },
    },
    ws_proxy: [{ bind: "127.0.0.1:0", pool: "main" }],
  })
  await backend.peer(2)
  isUp = false
  await host.logged(({ msg }) => msg === "backend is down")
  const before = probes
  const [address = ""] = host.addresses
  const tried = await Promise.all(Array.from({ length: 12 }, () => attempt(address)))
  t.same([...new Set(tried.map(({ status }) => status))], [503])
  t.ok(probes - before < 12, "no session has dialled it")
  isUp = true
  await host.logged(({ msg }) => msg === "backend is up")
  t.equal(host.lines.filter(({ msg }) => msg === "backend is down").length, 1)
})

t.test("failed dials of all workers eject a backend together, and once", { skip: noNewerNode }, async (t) => {
  const echo = await startEchoBackend(t)
  const dead = await deadAddress()
  const host = await startWorkers(t, {
    workers: 2,
    pool: { main: { backends: [dead, echo.address], max_fails: 6, fail_timeout_ms: 600_000 } },
    ws_proxy: [{ bind: "127.0.0.1:0", pool: "main" }],
  })
  const [address = ""] = host.addresses
  const failures = () => host.lines.filter(({ msg }) => msg === "backend could not be dialled")
  for (let sessions = 0; sessions < 40; sessions++) {
    const tried = await attempt(address)
    t.equal(tried.status, 101)
    await tried.close()
  }
  await host.logged(({ msg }) => msg === "backend is down")
  t.equal(failures().length, 6)
  t.equal(host.lines.filter(({ msg }) => msg === "backend is down").length, 1)
})

t.test("the program drains its workers at SIGTERM", { skip: noNewerNode }, async (t) => {
  const echo = await startEchoBackend(t)
  const flags = ["--workers", "2", "--bind", "127.0.0.1:0", "--backend", echo.address]
  const rws = Program.start(t, NEWER_NODE ?? process.execPath, [RWS, ...flags])
  const { address } = await untilServing(rws)
  const tunnels = await openAll(() => attempt(address), 6)
  rws.signal("SIGTERM")
  await untilLogged(rws, ({ msg }) => String(msg).startsWith("draining"))
  for (const tunnel of tunnels) t.ok(await echoed(tunnel, randomBytes(1000)))
  await Promise.all(tunnels.map((tunnel) => tunnel.close()))
  t.same(await rws.untilExit(), { code: 0, signal: null })
  t.equal(logOf(rws).filter(({ msg }) => msg === "session ended").length, 6)
  t.equal(rws.stderr, "")
})

/** Whether what comes back through the tunnel is what was sent. */
async function echoed({ peer }: Attempt, bytes: Buffer): Promise<boolean> {
  peer.received = Buffer.alloc(0)
  peer.socket.write(bytes)
  await peer.untilBytes(bytes.length)
  return peer.received.equals(bytes)
}

/** Rejects once nobody listens any more. */
async function untilRefused(address: string): Promise<never> {
  for (;;) {
    const { socket } = await RawPeer.connect(address)
    socket.destroy()
  }
}
