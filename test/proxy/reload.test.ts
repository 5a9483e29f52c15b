import { writeFile } from "node:fs/promises"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import {
  BindError,
  type Config,
  ConfigError,
  createProxy,
  type EndedSession,
  type ListenerConfig,
  Pool,
} from "rws-proxy"
import t, { type Test } from "tap"
import type { RunningProxy } from "../../lib/proxy/proxy.js"
import { upgradeHead } from "../support/http/heads.js"
import { answerUpgrade, deadAddress, startEchoBackend } from "../support/peers/backend.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { makeTestCa } from "../support/peers/test-ca.js"
import { startTlsBackend } from "../support/peers/tls-backend.js"
import { turnUntil } from "../support/pool/turns.js"
import { collectLog } from "../support/program/log-lines.js"
import { temporaryFolder } from "../support/program/program.js"
import { nextEnd } from "../support/program/proxy.js"
import { rejectionOf } from "../support/project/thrown.js"

const ANY_PORT = "127.0.0.1:0"

async function start(t: Test, config: Config, log = collectLog().log): Promise<RunningProxy> {
  const proxy = await createProxy(config, { log })
  t.teardown(() => proxy.close(0))
  return proxy
}

/** One listener with these keys. */
function one(listener: Partial<ListenerConfig>): Config {
  return { ws_proxy: [{ bind: ANY_PORT, ...listener }] }
}

/** Sends an upgrade request and waits for the whole response head. */
async function request(address: string, fields: Record<string, string> = {}): Promise<RawPeer> {
  const client = await RawPeer.connect(address)
  return client.write(upgradeHead(fields)).untilText("\r\n\r\n")
}

function statusOf(client: RawPeer): number {
  return Number(client.text.slice("HTTP/1.1 ".length, "HTTP/1.1 101".length))
}

async function tryOnce(address: string): Promise<number> {
  const client = await request(address)
  client.socket.destroy()
  return statusOf(client)
}

/** Backends that name themselves in their 101. */
async function startNamed(
  t: Test,
  count: number,
): Promise<{ addresses: string[]; nameOf(client: RawPeer): string }> {
  const backends = await Promise.all(
    Array.from({ length: count }, (_, index) => startEchoBackend(t, { "X-Backend": `b${index}` })),
  )
  return {
    addresses: backends.map(({ address }) => address),
    nameOf: (client) => /X-Backend: (\w+)/i.exec(client.text)?.[1] ?? "none",
  }
}

t.test("new sessions go by the new settings, and an open tunnel keeps flowing by its own", async (t) => {
  const { addresses, nameOf } = await startNamed(t, 2)
  const [a = "", b = ""] = addresses
  const proxy = await start(t, one({ backends: [a] }))
  const tunnel = await request(proxy.address())
  const address = proxy.address()
  const changes = await proxy.reload(one({ backends: [b], require_origin: true }))
  t.same(changes, [
    `listener ${ANY_PORT}: require_origin false -> true, backend ${b} added, backend ${a} removed`,
  ])
  t.equal(proxy.address(), address, "the socket is the same")
  t.equal(await tryOnce(address), 403)
  const client = await request(address, { Origin: "https://a.example" })
  t.same([nameOf(tunnel), nameOf(client)], ["b0", "b1"])
  tunnel.write("still here")
  await tunnel.untilText("still here")
})

t.test("max_connections is exact after reloads that raise and lower it", async (t) => {
  const { address: backend } = await startEchoBackend(t)
  const withMax = (max_connections: number) => one({ backends: [backend], max_connections })
  const proxy = await start(t, withMax(2))
  const address = proxy.address()
  const tunnels = [await request(address), await request(address)]
  t.equal(await tryOnce(address), 503)
  for (let round = 0; round < 30; round++) await proxy.reload(withMax([3, 0, 1][round % 3] ?? 0))
  t.equal(await tryOnce(address), 503, "two are open, one is allowed")
  await proxy.reload(withMax(3))
  tunnels.push(await request(address))
  t.same(tunnels.map(statusOf), [101, 101, 101])
  t.equal(await tryOnce(address), 503)
  for (const tunnel of tunnels) {
    const ended = nextEnd(proxy)
    tunnel.socket.resetAndDestroy()
    await ended
  }
  const again = [
    await request(address),
    await request(address),
    await request(address),
    await request(address),
  ]
  t.same(again.map(statusOf), [101, 101, 101, 503])
})

t.test("max_connections_per_ip is exact after it was off for a while", async (t) => {
  const { address: backend } = await startEchoBackend(t)
  const withMax = (max_connections_per_ip: number) => one({ backends: [backend], max_connections_per_ip })
  const proxy = await start(t, withMax(1))
  const address = proxy.address()
  await request(address)
  t.equal(await tryOnce(address), 429)
  await proxy.reload(withMax(0))
  await request(address)
  await proxy.reload(withMax(3))
  t.equal(statusOf(await request(address)), 101)
  t.equal(await tryOnce(address), 429)
})

t.test("a backend's max_connections counts the sessions from before", async (t) => {
  const { address } = await startEchoBackend(t)
  const withMax = (max_connections: number) => one({ backends: [{ address, max_connections }] })
  const proxy = await start(t, withMax(5))
  const tunnel = await request(proxy.address())
  await proxy.reload(withMax(1))
  t.equal(await tryOnce(proxy.address()), 503)
  const ended = nextEnd(proxy)
  tunnel.socket.resetAndDestroy()
  await ended
  t.equal(await tryOnce(proxy.address()), 101)
})

t.test("an ejected backend stays ejected when only its weight changes", async (t) => {
  const { address } = await startEchoBackend(t)
  const dead = await deadAddress()
  const { log, lines } = collectLog()
  const withWeight = (weight: number): Config => ({
    pool: {
      game: { backends: [{ address: dead, weight }, address], max_fails: 1, fail_timeout_ms: 600_000 },
    },
    ws_proxy: [{ bind: ANY_PORT, pool: "game" }],
  })
  const proxy = await start(t, withWeight(1), log)
  const dials = () => lines.filter(({ msg }) => msg === "backend could not be dialled").length
  for (let session = 0; session < 4; session++) await tryOnce(proxy.address())
  t.equal(dials(), 1)
  t.same(await proxy.reload(withWeight(3)), [`pool game: backend ${dead} weight 1 -> 3`])
  for (let session = 0; session < 4; session++) t.equal(await tryOnce(proxy.address()), 101)
  t.equal(dials(), 1, "it was not dialled again")
})

t.test("round robin goes on, also when a backend's limit changes", async (t) => {
  const { addresses, nameOf } = await startNamed(t, 3)
  const withMax = (max_connections: number) =>
    one({ backends: addresses.map((address) => ({ address, max_connections })) })
  const proxy = await start(t, withMax(0))
  const names: string[] = []
  for (let session = 0; session < 9; session++) {
    names.push(nameOf(await request(proxy.address())))
    await proxy.reload(withMax(100 + session))
  }
  t.same(names.join(" "), "b0 b1 b2 b0 b1 b2 b0 b1 b2")
})

for (const { title, keys, fields } of [
  {
    title: "sticky cookies",
    keys: { sticky_cookie: "sid" },
    fields: (cookie: string) => ({ Cookie: cookie }),
  },
  {
    title: "hashes",
    keys: { balance: "hash" as const, hash_key: "header:x-room" },
    fields: (_: string, room: number) => ({ "X-Room": `room ${room}` }),
  },
]) {
  t.test(
    `${title} lead to the same backends after a reload that adds a listener and a timeout`,
    async (t) => {
      const { addresses, nameOf } = await startNamed(t, 4)
      const listener = { backends: addresses, ...keys }
      const proxy = await start(t, one(listener))
      const ask = async (cookies: readonly string[]) => {
        const clients: RawPeer[] = []
        for (let room = 0; room < 8; room++) {
          clients.push(await request(proxy.address(), fields(cookies[room] ?? "a=b", room)))
        }
        return clients
      }
      const before = await ask([])
      const cookies = before.map(({ text }) => /Set-Cookie: ([^;]*)/.exec(text)?.[1] ?? "")
      await proxy.reload({
        ws_proxy: [
          { bind: ANY_PORT, ...listener, idle_timeout_ms: 60_000 },
          { bind: ANY_PORT, name: "x", backends: addresses },
        ],
      })
      const after = await ask(cookies)
      t.same(after.map(nameOf), before.map(nameOf))
    },
  )
}

t.test(
  "a new listener accepts, and a removed one refuses clients and drains by its own deadline",
  async (t) => {
    const { address: backend } = await startEchoBackend(t)
    const { log, lines } = collectLog()
    const listener = (name: string, drain_timeout_ms: number) => ({
      bind: ANY_PORT,
      name,
      backends: [backend],
      drain_timeout_ms,
    })
    const proxy = await start(t, { ws_proxy: [listener("one", 100)] }, log)
    const address = proxy.address()
    const tunnel = await request(address)
    const ended = new Promise<EndedSession>((resolve) => {
      proxy.on("end", (session) => session.listener === "one" && resolve(session))
    })
    const changes = await proxy.reload({ ws_proxy: [listener("two", 600_000)] })
    t.same(changes, ["listener two added", "listener one removed, draining 1 session"])
    t.match(
      lines.find(({ msg }) => String(msg).startsWith("reloaded")),
      { msg: "reloaded: listener two added; listener one removed, draining 1 session" },
    )
    t.match(await rejectionOf(() => RawPeer.connect(address)), { code: "ECONNREFUSED" })
    t.equal(await tryOnce(proxy.address()), 101)
    t.match(await ended, { reason: "drain_timeout" })
    await tunnel.untilEnd()
    await turnUntil(
      () => lines.some(({ msg, listener }) => msg === "stopped" && listener === "one"),
      "its end",
    )
  },
)

t.test("close waits for removed listeners, and cuts them at its own deadline", async (t) => {
  const { address: backend } = await startEchoBackend(t)
  const proxy = await start(t, one({ name: "one", backends: [backend], drain_timeout_ms: 600_000 }))
  const tunnel = await request(proxy.address())
  await proxy.reload(one({ name: "two", backends: [backend] }))
  tunnel.write("still here")
  await tunnel.untilText("still here")
  const ended = nextEnd(proxy)
  await proxy.close(0)
  t.match(await ended, { listener: "one", reason: "drain_timeout" })
  await tunnel.untilEnd()
})

t.test("two listeners that swap their names keep their sockets", async (t) => {
  const { addresses, nameOf } = await startNamed(t, 2)
  const binds = [await deadAddress(), await deadAddress()]
  const by = (names: string[]): Config => ({
    ws_proxy: binds.map((bind, index) => ({ bind, name: names[index], pool: names[index] })),
    pool: { a: { backends: [addresses[0] ?? ""] }, b: { backends: [addresses[1] ?? ""] } },
  })
  const proxy = await start(t, by(["a", "b"]))
  const ask = async () => nameOf(await request(binds[0] ?? ""))
  t.equal(await ask(), "b0")
  t.same(await proxy.reload(by(["b", "a"])), [
    'listener b: name "a" -> "b", pool "a" -> "b"',
    'listener a: name "b" -> "a", pool "b" -> "a"',
  ])
  t.equal(await ask(), "b1")
  t.same(proxy.addresses(), binds)
})

t.test("an address that overlaps with a removed one is refused, with advice", async (t) => {
  const { address: backend } = await startEchoBackend(t)
  const port = (await deadAddress()).split(":")[1]
  const proxy = await start(t, one({ bind: `0.0.0.0:${port}`, backends: [backend] }))
  const error = await rejectionOf(() => proxy.reload(one({ bind: `127.0.0.1:${port}`, backends: [backend] })))
  t.type(error, BindError)
  t.match(error, {
    message: /already in use; 0\.0\.0\.0:\d+, which the new configuration removes, still listens/,
  })
  t.equal(await tryOnce(`127.0.0.1:${port}`), 101)
})

t.test("a configuration that is refused changes nothing", async (t) => {
  const { address: backend } = await startEchoBackend(t)
  const taken = await startEchoBackend(t)
  const folder = await temporaryFolder(t)
  const file = join(folder, "ca.pem")
  await writeFile(file, "no certificate")
  const good = one({ backends: [backend], max_connections: 1 })
  const proxy = await start(t, good)
  const free = await deadAddress()
  const bad: [string, unknown, unknown][] = [
    ["null", null, ConfigError],
    ["an unknown key", { ...good, colour: "red" }, ConfigError],
    ["no backend", one({}), ConfigError],
    ["a bad PEM file", one({ backends: ["wss://a:1"], tls: { ca: file } }), ConfigError],
    [
      "a bad address",
      {
        ws_proxy: [
          { bind: free, backends: [backend] },
          { bind: taken.address, backends: [backend] },
        ],
      },
      BindError,
    ],
  ]
  for (const [title, config, type] of bad) {
    t.type(await rejectionOf(() => proxy.reload(config as Config)), type as typeof Error, title)
    t.match(await rejectionOf(() => RawPeer.connect(free)), { code: "ECONNREFUSED" })
    const client = await request(proxy.address())
    t.same([statusOf(client), await tryOnce(proxy.address())], [101, 503], title)
    const ended = nextEnd(proxy)
    client.socket.resetAndDestroy()
    await ended
  }
  t.same(await proxy.reload(good), [])
})

t.test("a reload while the proxy closes is refused, and one under way takes no effect", async (t) => {
  const { address: backend } = await startEchoBackend(t)
  const proxy = await start(t, one({ backends: [backend] }))
  const address = proxy.address()
  const free = await deadAddress()
  const underWay = rejectionOf(() => proxy.reload(one({ bind: free, backends: [backend] })))
  const closed = proxy.close()
  t.match(await underWay, { message: /the proxy is closing/ })
  await closed
  t.match(await rejectionOf(() => proxy.reload(one({ backends: [backend] }))), {
    message: /the proxy is closing/,
  })
  for (const one of [address, free]) {
    t.match(await rejectionOf(() => RawPeer.connect(one)), { code: "ECONNREFUSED" })
  }
})

t.test("reloads are done one after the other, and the last one holds", async (t) => {
  const { address: backend } = await startEchoBackend(t)
  const proxy = await start(t, one({ backends: [backend] }))
  const changes = await Promise.all(
    [1, 2, 3].map((max_pending) => proxy.reload(one({ backends: [backend], max_pending }))),
  )
  t.same(
    changes.flat().map((change) => change.replace(/.*: /, "")),
    ["max_pending 0 -> 1", "max_pending 1 -> 2", "max_pending 2 -> 3"],
  )
})

t.test("a Pool object is the same before and after, with its own changes", async (t) => {
  const { addresses, nameOf } = await startNamed(t, 2)
  const pool = new Pool([addresses[0] ?? ""])
  const proxy = await start(t, one({ backends: pool }))
  await request(proxy.address())
  pool.add(addresses[1] ?? "")
  t.same(await proxy.reload(one({ backends: pool, idle_timeout_ms: 60_000 })), [
    `listener ${ANY_PORT}: idle_timeout_ms 0 -> 60000`,
  ])
  const names = [nameOf(await request(proxy.address())), nameOf(await request(proxy.address()))]
  t.same(names.sort(), ["b0", "b1"])
  t.same(
    pool.members.map(({ active }) => active),
    [2, 1],
  )
})

t.test("PEM files are read again, even if the configuration is the same", async (t) => {
  const [stranger, authority] = [makeTestCa(t), makeTestCa(t)]
  const { cert, key } = authority.issue("IP:127.0.0.1")
  const backend = await startTlsBackend(t, { cert, key })
  const ca = join(stranger.folder, "ca.pem")
  const config = one({ backends: [`wss://127.0.0.1:${backend.address.port}`], tls: { ca }, max_fails: 0 })
  const proxy = await start(t, config)
  t.equal(await tryOnce(proxy.address()), 502, "the backend's authority is not trusted")
  await writeFile(ca, authority.cert)
  t.same(await proxy.reload(config), [])
  const client = await RawPeer.connect(proxy.address())
  client.write(upgradeHead())
  const { peer } = await backend.next()
  await answerUpgrade(peer)
  await client.untilText("101 Switching Protocols")
})

t.test("log.level is set on a log that has one", async (t) => {
  const { address: backend } = await startEchoBackend(t)
  const { log } = collectLog()
  const proxy = await start(t, one({ backends: [backend] }), log)
  const before = log.level
  const changes = await proxy.reload({ ...one({ backends: [backend] }), log: { level: "warn" } })
  t.same(changes, ['log.level "info" -> "warn"'])
  t.not(before, "warn")
  t.equal(log.level, "warn")
})

t.test("health checks go on, and end with health_check", async (t) => {
  const dead = await deadAddress()
  const { log, lines } = collectLog()
  const health_check = { interval_ms: 50, unhealthy_threshold: 1 }
  const pool = (more: object): Config => ({
    pool: { game: { backends: [dead], ...more } },
    ws_proxy: [{ bind: ANY_PORT, pool: "game" }],
  })
  const proxy = await start(t, pool({ health_check }), log)
  const downs = () => lines.filter(({ msg }) => msg === "backend is down").length
  await turnUntil(() => downs() === 1, "a failed check")
  await proxy.reload(pool({ health_check, max_tries: 1 }))
  t.equal(await tryOnce(proxy.address()), 503, "it is still down")
  await proxy.reload(pool({ max_tries: 1 }))
  t.match(
    lines.find(({ msg }) => msg === "backend is up"),
    { pool: "game", detail: "the configuration no longer says what took it down" },
  )
  t.equal(await tryOnce(proxy.address()), 502, "it is dialled")
  t.equal(downs(), 1)
})

t.test("an open tunnel and sessions that open all the time get through 200 reloads", async (t) => {
  const { address: backend } = await startEchoBackend(t)
  const spare = await startEchoBackend(t)
  const by = (round: number): Config => ({
    pool: {
      a: { backends: [{ address: backend, weight: 1 + (round % 3) }, ...(round % 2 ? [spare.address] : [])] },
    },
    ws_proxy: [
      {
        bind: ANY_PORT,
        pool: "a",
        max_connections: 1000 - (round % 5),
        max_connections_per_ip: round % 7 === 0 ? 0 : 500,
        idle_timeout_ms: round % 2 ? 60_000 : 0,
      },
      ...(round % 4 === 0 ? [{ bind: ANY_PORT, name: "other", pool: "a" }] : []),
    ],
  })
  const proxy = await start(t, by(0))
  const address = proxy.address()
  const tunnel = await request(address)
  const headLength = tunnel.received.length
  let live = 1
  proxy.on("open", () => live++)
  proxy.on("end", () => live--)
  let isOver = false
  const failures: unknown[] = []
  let opened = 0
  const opening = async () => {
    while (!isOver) {
      const status = await tryOnce(address).catch((error: unknown) => error)
      if (status === 101) opened++
      else failures.push(status)
    }
  }
  const sent = Buffer.from(Array.from({ length: 256 * 1024 }, (_, index) => (index * 31) % 251))
  const all = [opening(), opening(), opening()]
  for (let round = 1; round <= 200; round++) {
    const part = sent.subarray(((round - 1) * sent.length) / 200, (round * sent.length) / 200)
    tunnel.socket.write(part)
    await proxy.reload(by(round))
    await delay(1)
  }
  isOver = true
  await Promise.all(all)
  await tunnel.untilBytes(headLength + sent.length)
  t.ok(tunnel.received.subarray(headLength).equals(sent), "byte-exact")
  t.same(failures, [])
  t.ok(opened > 20, `${opened} tunnels`)
  tunnel.socket.resetAndDestroy()
  await turnUntil(() => live === 0, "the end of all sessions")
  await proxy.reload({
    pool: by(0).pool ?? {},
    ws_proxy: [{ bind: ANY_PORT, pool: "a", max_connections: 2 }],
  })
  const last = [await request(address), await request(address), await request(address)]
  t.same(last.map(statusOf), [101, 101, 503], "no place was lost")
})

t.test("a reload reads the files of a registry again, if they have changed", async (t) => {
  const tokens: unknown[] = []
  const store = createServer((request, response) => {
    tokens.push(request.headers.authorization)
    response.writeHead(404).end()
  })
  await new Promise<void>((resolve) => store.listen(0, "127.0.0.1", resolve))
  t.teardown(() => store.close())
  const password_file = join(await temporaryFolder(t), "token")
  await writeFile(password_file, "old")
  const config: Config = {
    registry: {
      rooms: {
        store: "http",
        url: `http://127.0.0.1:${(store.address() as AddressInfo).port}/{key}`,
        password_file,
        negative_ttl_ms: 60_000,
      },
    },
    ws_proxy: [{ bind: ANY_PORT, registry: "rooms", registry_key: "query:room" }],
  }
  const proxy = await start(t, config)
  const [address = ""] = proxy.addresses()
  const ask = async () => {
    const client = await RawPeer.connect(address)
    await client.write(upgradeHead({}, "GET /?room=1 HTTP/1.1")).untilText("\r\n\r\n")
    client.socket.destroy()
  }
  await ask()
  await proxy.reload(config)
  await ask()
  t.same(tokens, ["Bearer old"], "an unchanged registry keeps what it knows")
  await writeFile(password_file, "newer")
  await proxy.reload(config)
  await ask()
  t.same(tokens, ["Bearer old", "Bearer newer"])
  await writeFile(password_file, "")
  t.match(await rejectionOf(() => proxy.reload(config)), { message: /must hold one line/ })
  await ask()
  t.equal(tokens.length, 2, "the registry goes on as it was")
})
