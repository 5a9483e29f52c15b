/** The library as a user has it: by the package's own name. */
import { once } from "node:events"
import { join } from "node:path"
import {
  AddressError,
  BindError,
  CLOSE_REASONS,
  ConfigError,
  Pool,
  type RunningProxy,
  type SessionSummary,
  WsProxy,
} from "rws-proxy"
import t, { type Test } from "tap"
import { upgradeHead } from "./support/http/heads.js"
import { answerUpgrade, deadAddress, startBackend, startEchoBackend } from "./support/peers/backend.js"
import { RawPeer } from "./support/peers/raw-peer.js"
import { socketFolder } from "./support/peers/socket-folder.js"
import { startUnansweringPort } from "./support/peers/unanswering-port.js"
import { collectLog } from "./support/program/log-lines.js"
import { nextEnd, nextRefusal, openTunnel, SHORT_MS } from "./support/program/proxy.js"
import { rejectionOf, thrownBy } from "./support/project/thrown.js"

async function bind(t: Test, proxy: WsProxy, address = "127.0.0.1:0"): Promise<RunningProxy> {
  const running = await proxy.bind(address)
  t.teardown(() => running.close(0))
  return running
}

/** Sends this head and waits for the end of the head of the answer, or for the end. */
async function ask(t: Test, proxy: RunningProxy, head = upgradeHead()): Promise<RawPeer> {
  const client = await RawPeer.connect(proxy.address())
  t.teardown(() => client.socket.destroy())
  client.write(head)
  return client.until(({ text, ended }) => ended || text.includes("\r\n\r\n"))
}

t.test("a proxy is described by chained calls, and runs once it is bound", async (t) => {
  const backends = [await startEchoBackend(t), await startEchoBackend(t)]
  const description = new WsProxy(backends.map(({ address }) => address))
  t.equal(description.connectTimeoutMs(3000).readTimeoutMs(30000), description)
  const proxy = await description.bind("127.0.0.1:0")
  t.match(proxy.address(), /^127\.0\.0\.1:[1-9]\d*$/)
  for (const { peers } of [...backends, ...backends]) {
    const before = peers.length
    const client = await openTunnel(proxy)
    t.match(client.text, /^HTTP\/1\.1 101 /)
    t.equal(peers.length, before + 1, "each backend in turn")
    client.socket.end()
    await client.untilClosed()
  }
  await proxy.close()
})

interface Setter {
  readonly title: string
  readonly set: (proxy: WsProxy) => WsProxy
  /** Asks for what shows that the setting counts. */
  readonly show: (t: Test, proxy: RunningProxy) => Promise<unknown>
  readonly backends?: (t: Test) => Promise<string[]>
}

const echo = async (t: Test) => [(await startEchoBackend(t)).address]
const silent = async (t: Test) => [(await startBackend(t)).address]

const setters: readonly Setter[] = [
  {
    title: "name",
    set: (proxy) => proxy.name("chat"),
    async show(t, proxy) {
      const refusal = nextRefusal(proxy)
      await ask(t, proxy, "\0")
      t.equal((await refusal).listener, "chat")
    },
  },
  {
    title: "connectTimeoutMs",
    set: (proxy) => proxy.connectTimeoutMs(SHORT_MS),
    backends: async (t) => [await startUnansweringPort(t)],
    show: async (t, proxy) => t.match((await ask(t, proxy)).text, /^HTTP\/1\.1 504 /),
  },
  {
    title: "readTimeoutMs",
    set: (proxy) => proxy.readTimeoutMs(SHORT_MS),
    show: async (t, proxy) => t.match((await ask(t, proxy, "GET /")).text, /^HTTP\/1\.1 408 /),
  },
  {
    title: "handshakeTimeoutMs",
    set: (proxy) => proxy.handshakeTimeoutMs(SHORT_MS),
    backends: silent,
    show: async (t, proxy) => t.match((await ask(t, proxy)).text, /^HTTP\/1\.1 504 /),
  },
  {
    title: "idleTimeoutMs",
    set: (proxy) => proxy.idleTimeoutMs(SHORT_MS),
    async show(t, proxy) {
      const end = nextEnd(proxy)
      await ask(t, proxy)
      t.equal((await end).reason, "idle_timeout")
    },
  },
  {
    title: "halfCloseTimeoutMs",
    set: (proxy) => proxy.halfCloseTimeoutMs(SHORT_MS),
    backends: async (t) => [(await startBackend(t, (peer) => void answerUpgrade(peer))).address],
    async show(t, proxy) {
      const end = nextEnd(proxy)
      const client = await ask(t, proxy)
      client.socket.end()
      t.equal((await end).reason, "half_close_timeout")
    },
  },
  {
    title: "drainTimeoutMs",
    set: (proxy) => proxy.drainTimeoutMs(SHORT_MS),
    async show(t, proxy) {
      const end = nextEnd(proxy)
      await ask(t, proxy)
      await proxy.close()
      t.equal((await end).reason, "drain_timeout")
    },
  },
  {
    title: "maxHeadBytes",
    set: (proxy) => proxy.maxHeadBytes(upgradeHead().length),
    async show(t, proxy) {
      t.match((await ask(t, proxy)).text, /^HTTP\/1\.1 101 /)
      t.match((await ask(t, proxy, upgradeHead({ X: "" }))).text, /^HTTP\/1\.1 431 /)
    },
  },
  {
    title: "maxConnections",
    set: (proxy) => proxy.maxConnections(1),
    async show(t, proxy) {
      t.match((await ask(t, proxy)).text, /^HTTP\/1\.1 101 /)
      t.match((await ask(t, proxy)).text, /^HTTP\/1\.1 503 /)
    },
  },
  ...["backend", "client", "chat.internal:81"].map(
    (host): Setter => ({
      title: `hostHeader(${JSON.stringify(host)})`,
      set: (proxy) => proxy.hostHeader(host),
      async show(t, proxy) {
        const opened = once(proxy, "open") as Promise<[SessionSummary]>
        const client = await ask(t, proxy)
        const [{ backend = "" }] = await opened
        const expected = { backend, client: "chat.example" }[host] ?? host
        await client.untilText(`seen Host: ${expected}.`)
      },
      backends: async (t) => {
        const backend = await startBackend(t, async (peer) => {
          const head = await answerUpgrade(peer)
          peer.write(`seen Host: ${/^host: (.*)\r$/im.exec(head)?.[1]}.`)
        })
        return [backend.address]
      },
    }),
  ),
]

for (const { title, set, show, backends = echo } of setters) {
  t.test(`${title} takes effect`, async (t) => {
    await show(t, await bind(t, set(new WsProxy(await backends(t)))))
  })
}

type NumberSetter =
  | "connectTimeoutMs"
  | "readTimeoutMs"
  | "handshakeTimeoutMs"
  | "idleTimeoutMs"
  | "halfCloseTimeoutMs"
  | "drainTimeoutMs"
  | "maxHeadBytes"
  | "maxConnections"
  | "keepaliveMs"

const NO_WHOLE_NUMBERS = [-1, 1.5, Number.NaN]
const TOO_LONG_MS = 2 ** 31

const wrongNumbers: readonly { setter: NumberSetter; key: string; values: readonly number[] }[] = [
  { setter: "connectTimeoutMs", key: "connect_timeout_ms", values: [0, TOO_LONG_MS] },
  { setter: "readTimeoutMs", key: "read_timeout_ms", values: [0, TOO_LONG_MS] },
  { setter: "handshakeTimeoutMs", key: "handshake_timeout_ms", values: [0, TOO_LONG_MS] },
  { setter: "idleTimeoutMs", key: "idle_timeout_ms", values: [TOO_LONG_MS] },
  { setter: "halfCloseTimeoutMs", key: "half_close_timeout_ms", values: [TOO_LONG_MS] },
  { setter: "drainTimeoutMs", key: "drain_timeout_ms", values: [0, TOO_LONG_MS] },
  { setter: "maxHeadBytes", key: "max_head_bytes", values: [0, 1_000_000] },
  { setter: "maxConnections", key: "max_connections", values: [] },
  { setter: "keepaliveMs", key: "keepalive_ms", values: [999, TOO_LONG_MS] },
]

const wrong: readonly { call: string; key: string; set: (proxy: WsProxy) => WsProxy }[] = [
  { call: 'name("")', key: "name", set: (proxy) => proxy.name("") },
  { call: 'hostHeader("a b")', key: "host_header", set: (proxy) => proxy.hostHeader("a b") },
  {
    call: "hostHeader with a line of its own",
    key: "host_header",
    set: (proxy) => proxy.hostHeader("a\r\nX: y"),
  },
  ...wrongNumbers.flatMap(({ setter, key, values }) =>
    [...NO_WHOLE_NUMBERS, ...values].map((value) => ({
      call: `${setter}(${value})`,
      key,
      set: (proxy: WsProxy) => proxy[setter](value),
    })),
  ),
]

for (const { call, key, set } of wrong) {
  t.test(`after ${call} bind rejects and names ${key}`, async (t) => {
    const error = await rejectionOf(() => bind(t, set(new WsProxy(["127.0.0.1:9"]))))
    t.ok(error instanceof ConfigError)
    t.ok(error instanceof Error)
    const problems = error instanceof ConfigError ? error.problems : []
    t.same(
      problems.map(({ path }) => path),
      [["ws_proxy", 0, key]],
    )
    t.match(error, { message: `ws_proxy[0].${key}: ` })
  })
}

t.test("bind reports all problems at once", async (t) => {
  const proxy = new WsProxy(["127.0.0.1:9"]).connectTimeoutMs(0).maxHeadBytes(1)
  const error = await rejectionOf(() => bind(t, proxy, "nowhere"))
  const problems = error instanceof ConfigError ? error.problems : []
  t.same(problems.map(({ path }) => path.at(-1)).sort(), ["bind", "connect_timeout_ms", "max_head_bytes"])
})

t.test("0 switches off what can be switched off", async (t) => {
  const proxy = new WsProxy(await echo(t))
    .idleTimeoutMs(0)
    .halfCloseTimeoutMs(0)
    .maxConnections(0)
    .keepaliveMs(0)
  t.match((await ask(t, await bind(t, proxy))).text, /^HTTP\/1\.1 101 /)
})

t.test("the last call of a setter counts", async (t) => {
  const proxy = new WsProxy(await echo(t)).name("first").maxConnections(-1).name("last").maxConnections(5)
  const running = await bind(t, proxy)
  const refusal = nextRefusal(running)
  await ask(t, running, "\0")
  t.equal((await refusal).listener, "last")
})

/** Each setting with a value that its key can't have: that the key is named shows that the method sets it. */
const impossible: readonly [key: string, set: (proxy: WsProxy) => WsProxy][] = [
  ["bind_mode", (proxy) => proxy.bindMode("rw-rw----")],
  ["route", (proxy) => proxy.route([{ path: "chat" }])],
  ["balance", (proxy) => proxy.balance("hash")],
  ["hash_key", (proxy) => proxy.hashKey("colour")],
  ["sticky_cookie", (proxy) => proxy.stickyCookie("two words")],
  ["sticky_secret", (proxy) => proxy.stickyCookie("a").stickySecret("short")],
  ["max_tries", (proxy) => proxy.maxTries(-1)],
  ["max_fails", (proxy) => proxy.maxFails(-1)],
  ["fail_timeout_ms", (proxy) => proxy.failTimeoutMs(0)],
  ["send_proxy_protocol", (proxy) => proxy.sendProxyProtocol(JSON.parse('"v3"'))],
  ["health_check", (proxy) => proxy.healthCheck({ interval_ms: 0 })],
  ["tls", (proxy) => proxy.tls({ ca: "/nowhere/ca.pem" })],
  ["max_connections_per_ip", (proxy) => proxy.maxConnectionsPerIp(-1)],
  ["max_pending", (proxy) => proxy.maxPending(-1)],
  ["rate_per_ip", (proxy) => proxy.ratePerIp("often")],
  ["rate_burst", (proxy) => proxy.ratePerIp("1/s").rateBurst(-1)],
  ["trusted_proxies", (proxy) => proxy.trustedProxies(["localhost"])],
  ["accept_proxy_protocol", (proxy) => proxy.acceptProxyProtocol(true)],
  ["forwarded", (proxy) => proxy.forwarded(JSON.parse('"on"'))],
  ["request_headers", (proxy) => proxy.requestHeaders({ remove: ["Host"] })],
  ["response_headers", (proxy) => proxy.responseHeaders({ remove: ["Upgrade"] })],
  ["allowed_origins", (proxy) => proxy.allowedOrigins(["example.com"])],
  ["require_origin", (proxy) => proxy.requireOrigin(JSON.parse("1"))],
  ["subprotocols", (proxy) => proxy.subprotocols(["two words"])],
]

for (const [key, set] of impossible) {
  t.test(`bind reports an invalid value of ${key}`, async (t) => {
    const error = await rejectionOf(() => bind(t, set(new WsProxy("wss://127.0.0.1:9"))))
    if (!(error instanceof ConfigError)) throw error ?? new Error("it was accepted")
    for (const { path } of error.problems) t.strictSame(path.slice(0, 3), ["ws_proxy", 0, key])
  })
}

for (const backend of ["", "9000", "chat:0", "chat:70000", "ftp://chat:80", "unix:relative", "a b:1"]) {
  t.test(`bind rejects the backend ${JSON.stringify(backend)} and names it`, async (t) => {
    for (const [backends, index] of [
      [backend, 0],
      [[backend], 0],
      [["127.0.0.1:9", backend], 1],
    ] as const) {
      const error = await rejectionOf(() => bind(t, new WsProxy(backends)))
      t.ok(error instanceof ConfigError)
      const [problem, ...more] = error instanceof ConfigError ? error.problems : []
      t.same(problem?.path, ["ws_proxy", 0, "backends", index])
      t.ok(problem?.message.includes(`"${backend}"`))
      t.same(more, [])
    }
  })

  t.test(`a pool refuses ${JSON.stringify(backend)} with an AddressError that quotes it`, async (t) => {
    for (const call of [() => new Pool([backend]), () => new Pool().add(backend)]) {
      const error = thrownBy(call)
      t.ok(error instanceof AddressError)
      t.ok(error instanceof Error && error.message.includes(`"${backend}"`))
    }
  })
}

t.test("a proxy of one backend needs no list", async (t) => {
  const [backend = ""] = await echo(t)
  t.match((await ask(t, await bind(t, new WsProxy(backend)))).text, /^HTTP\/1\.1 101 /)
})

t.test("a list of no backends is rejected, a pool without backends may get some", async (t) => {
  const error = await rejectionOf(() => bind(t, new WsProxy([])))
  t.match(error, { message: "ws_proxy[0].backends: expected at least one" })
  const pool = new Pool()
  const proxy = await bind(t, new WsProxy(pool))
  t.match((await ask(t, proxy)).text, /^HTTP\/1\.1 503 /)
  pool.add((await startEchoBackend(t)).address)
  t.match((await ask(t, proxy)).text, /^HTTP\/1\.1 101 /)
})

t.test("changing a list of backends later has no effect, unlike changing a pool", async (t) => {
  const backends = await echo(t)
  const description = new WsProxy(backends)
  backends[0] = await deadAddress()
  t.match((await ask(t, await bind(t, description))).text, /^HTTP\/1\.1 101 /)
})

t.test("an address that can't be bound rejects with a BindError that names it", async (t) => {
  const first = await bind(t, new WsProxy(["127.0.0.1:9"]))
  const error = await rejectionOf(() => bind(t, new WsProxy(["127.0.0.1:9"]), first.address()))
  t.ok(error instanceof BindError)
  t.match(error, { message: `cannot listen on ${first.address()}: it is already in use` })
})

t.test("one WsProxy can be bound several times, and changed in between", async (t) => {
  const description = new WsProxy(await echo(t)).name("one")
  const one = await bind(t, description)
  const two = await bind(t, description.name("two").maxHeadBytes(64))
  t.not(one.address(), two.address())
  t.match((await ask(t, one)).text, /^HTTP\/1\.1 101 /, "the first is as it was")
  t.match((await ask(t, two)).text, /^HTTP\/1\.1 431 /)
  await two.close(0)
  t.match((await ask(t, one)).text, /^HTTP\/1\.1 101 /, "and outlives the second")
})

t.test("a Unix socket is bound, and its clients are called unix", async (t) => {
  const address = `unix:${join(socketFolder(t), "front.sock")}`
  const proxy = await bind(t, new WsProxy(await echo(t)), address)
  t.equal(proxy.address(), address)
  const opened = once(proxy, "open")
  await ask(t, proxy)
  const [{ client }] = await opened
  t.equal(client, "unix")
})

t.test("a pool is live: what is added and removed counts from the next session on", async (t) => {
  const [one, two] = [await startEchoBackend(t), await startEchoBackend(t)]
  const pool = new Pool([one.address])
  const proxy = await bind(t, new WsProxy(pool))
  const first = await ask(t, proxy)
  t.equal(one.peers.length, 1)
  pool.add(two.address)
  t.equal(pool.remove(one.address), true)
  t.equal(pool.remove(one.address), false)
  t.same(pool.backends, [two.address])
  await ask(t, proxy)
  t.equal(one.peers.length, 1)
  t.equal(two.peers.length, 1)
  const head = first.received.length
  first.write("still here")
  await first.untilBytes(head + 10)
  t.equal(first.text.slice(head), "still here", "a tunnel outlives its backend's place in the pool")
  t.equal(pool.remove(two.address), true)
  const refusal = nextRefusal(proxy)
  t.match((await ask(t, proxy)).text, /^HTTP\/1\.1 503 /)
  t.match(await refusal, { reason: "no_backend", status: 503, who: "proxy" })
  pool.add(one.address)
  t.match((await ask(t, proxy)).text, /^HTTP\/1\.1 101 /)
})

t.test("two proxies may share a pool", async (t) => {
  const pool = new Pool([])
  const proxies = [await bind(t, new WsProxy(pool)), await bind(t, new WsProxy(pool))]
  for (const proxy of proxies) t.match((await ask(t, proxy)).text, /^HTTP\/1\.1 503 /)
  pool.add((await startEchoBackend(t)).address)
  for (const proxy of proxies) t.match((await ask(t, proxy)).text, /^HTTP\/1\.1 101 /)
})

t.test("createProxy logs only to the log that it is given", async (t) => {
  const written = t.capture(process.stdout, "write", process.stdout.write.bind(process.stdout))
  const quiet = await bind(t, new WsProxy(await echo(t)))
  await ask(t, quiet, "\0")
  await quiet.close(0)
  t.notMatch(
    written
      .args()
      .map(([text]) => String(text))
      .join(""),
    /bad_request|listening/,
  )

  const { log, lines } = collectLog()
  const proxy = await bind(t, new WsProxy([await deadAddress()]).name("chat").log(log))
  await ask(t, proxy)
  await proxy.close(0)
  t.same(
    lines.map(({ msg, listener }) => [msg, listener]),
    [
      ["listening", "chat"],
      ["session refused", "chat"],
      ["stopped", "chat"],
    ],
  )
})

t.test("every reason that an event can have is in the table that the library exports", async (t) => {
  const proxy = await bind(t, new WsProxy(await echo(t)))
  const refusal = nextRefusal(proxy)
  await ask(t, proxy, "\0")
  const { reason, status } = await refusal
  t.equal(CLOSE_REASONS[reason].status, status)
})
