/** The hooks of a program let requests in, refuse them and lead them elsewhere, and can't break the proxy. */
import { EventEmitter, once } from "node:events"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import t, { type Test } from "tap"
import {
  ConfigError,
  createProxy,
  createUpgradeHandler,
  type HookRequest,
  type ListenerConfig,
  Pool,
  type ProxyOptions,
  Refusal,
  type RunningProxy,
} from "../../lib/index.js"
import { parseAnswer, valuesIn } from "../support/http/answer.js"
import { upgradeHead } from "../support/http/heads.js"
import { deadAddress } from "../support/peers/backend.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import {
  closeOf,
  connectWs,
  echo,
  messagesOf,
  nextSession,
  startWsBackend,
} from "../support/peers/ws-backend.js"
import { nextEnd, nextRefusal } from "../support/program/proxy.js"
import { rejectionOf } from "../support/project/thrown.js"

async function start(
  t: Test,
  hooks: ProxyOptions,
  listener: Partial<ListenerConfig> = {},
): Promise<{ proxy: RunningProxy; url: string }> {
  const pool = { other: { backends: ["127.0.0.1:1"] } }
  const proxy = await createProxy({ pool, ws_proxy: [{ bind: "127.0.0.1:0", ...listener }] }, hooks)
  t.teardown(() => proxy.close(0))
  return { proxy, url: `ws://${proxy.address()}` }
}

async function answered(proxy: RunningProxy, head = upgradeHead()) {
  const client = await RawPeer.connect(proxy.address())
  client.write(head)
  await client.untilEnd()
  client.socket.end()
  return parseAnswer(client.text)
}

t.test("authorize sees the request as it came, and what it adds reaches the backend", async (t) => {
  const backend = await startWsBackend(t, echo)
  let seen: HookRequest | undefined
  const { proxy, url } = await start(
    t,
    {
      authorize: async (request) => {
        seen = request
        return { headers: { set: { "X-User": "ada" }, remove: ["Cookie"] } }
      },
    },
    { backends: [backend.address], name: "front" },
  )
  const session = nextSession(backend)
  const headers = { Cookie: "a=1", "X-User": "forged" }
  const client = await connectWs(t, `${url}/chat?room=1`, { headers })
  const { request } = await session
  t.match(request.headers, { "x-user": "ada", cookie: undefined })
  t.equal(request.rawHeaders.filter((name) => /^x.user$/i.test(name)).length, 1)
  t.match(seen, { url: "/chat?room=1", host: proxy.address(), protocol: "http", listener: "front" })
  t.match(seen?.headers, { cookie: "a=1", "x-user": "forged", upgrade: "websocket" })
  t.equal(seen?.client.address, "127.0.0.1")
  t.match(seen?.requestId, /^[0-9a-f]{32}$/)
  const next = messagesOf(client)
  client.send("hi")
  t.equal(String((await next()).data), "hi")
})

t.test("a Refusal gives the client its status, reason and fields, and no backend is dialled", async (t) => {
  const backend = await startWsBackend(t)
  const { proxy } = await start(
    t,
    {
      authorize: () => {
        throw new Refusal(401, "log in first", { "WWW-Authenticate": 'Bearer realm="chat"' })
      },
    },
    { backends: [backend.address] },
  )
  const refused = nextRefusal(proxy)
  const answer = await answered(proxy)
  t.equal(answer.statusLine, "HTTP/1.1 401 Unauthorized")
  t.equal(answer.body, "log in first\n")
  t.same(valuesIn(answer, "www-authenticate"), ['Bearer realm="chat"'])
  t.same(valuesIn(answer, "content-length"), ["13"])
  t.same(valuesIn(answer, "connection"), ["close"])
  t.match(await refused, { reason: "hook_refused", status: 401, who: "proxy" })
  t.equal(backend.server.clients.size, 0)
})

t.test("false refuses with 403, true and nothing let in", async (t) => {
  const backend = await startWsBackend(t, echo)
  const verdicts: Record<string, boolean | undefined> = { "/no": false, "/yes": true, "/nothing": undefined }
  const { proxy, url } = await start(
    t,
    { authorize: ({ url }) => verdicts[url] },
    { backends: [backend.address] },
  )
  t.match(await answered(proxy, upgradeHead({}, "GET /no HTTP/1.1")), {
    statusLine: "HTTP/1.1 403 Forbidden",
  })
  for (const path of ["/yes", "/nothing"]) await connectWs(t, url + path)
})

const CRASHES: Readonly<Record<string, ProxyOptions>> = {
  "throws at once": {
    authorize: () => {
      throw new TypeError("a bug")
    },
  },
  "rejects later": { authorize: async () => Promise.reject(new Error("a bug")) },
  "throws undefined": { authorize: async () => Promise.reject(undefined) },
  "sets a field of the handshake": { authorize: () => ({ headers: { set: { Upgrade: "h2c" } } }) },
  "sets a field with a line break": { authorize: () => ({ headers: { set: { "X-A": "1\r\nX-B: 2" } } }) },
  "returns a limit below 0": { authorize: () => ({ limits: { idleTimeoutMs: -1 } }) },
  "names an unknown pool": { locate: () => ({ pool: "nowhere" }) },
  "names an unknown backend": { locate: () => ({ backend: "127.0.0.1:2" }) },
  "returns a path with a line break": { locate: () => ({ path: "/a\r\nX-B: 2" }) },
  "returns a path with a fragment": { locate: () => ({ path: "/a#b" }) },
}

for (const [what, hooks] of Object.entries(CRASHES)) {
  t.test(`a hook that ${what} is a 500 for its client only`, async (t) => {
    const backend = await startWsBackend(t, echo)
    const { proxy } = await start(t, hooks, { backends: [backend.address] })
    const refused = nextRefusal(proxy)
    const answer = await answered(proxy)
    t.equal(answer.statusLine, "HTTP/1.1 500 Internal Server Error")
    t.notMatch(answer.body, /bug|X-B/, "the client learns nothing of the defect")
    t.match(await refused, { reason: "hook_failed" })
    t.equal(backend.server.clients.size, 0)
  })
}

t.test("a hook that hangs is a 504, and its signal is aborted", async (t) => {
  const aborted: unknown[] = []
  const { proxy } = await start(
    t,
    {
      hookTimeoutMs: 50,
      authorize: (_, signal) =>
        new Promise((_, reject) => {
          signal.addEventListener("abort", () => {
            aborted.push(signal.reason)
            reject(new Error("given up"))
          })
        }),
    },
    { backends: ["127.0.0.1:1"] },
  )
  t.match(await answered(proxy), { statusLine: "HTTP/1.1 504 Gateway Timeout" })
  t.match(aborted, [{ reason: "hook_timeout" }])
})

t.test("when the client leaves, the hook's signal is aborted and its late decision is ignored", async (t) => {
  const backend = await startWsBackend(t)
  let decide = () => {}
  const asked = new EventEmitter()
  const { proxy } = await start(
    t,
    {
      authorize: (_, signal) => {
        asked.emit("asked", signal)
        return new Promise((resolve) => {
          decide = () => resolve(true)
        })
      },
    },
    { backends: [backend.address] },
  )
  const asking = once(asked, "asked") as Promise<[AbortSignal]>
  const ended = nextEnd(proxy)
  const client = await RawPeer.connect(proxy.address())
  client.write(upgradeHead())
  const [signal] = await asking
  t.equal(signal.aborted, false)
  client.socket.destroy()
  t.match(await ended, { reason: "client_aborted_in_authorize", who: "client" })
  t.match(signal, { aborted: true, reason: { reason: "client_aborted_in_authorize" } })
  decide()
  await proxy.close(0)
  t.equal(backend.server.clients.size, 0)
})

t.test("locate names a pool of the configuration, a Pool of the program, or one backend", async (t) => {
  const [one, two, three] = [await startWsBackend(t), await startWsBackend(t), await startWsBackend(t)]
  const own = new Pool([three.address])
  const { url } = await start(
    t,
    {
      locate: ({ url }) => {
        if (url === "/own") return { pool: own, path: "/there?x=1" }
        if (url === "/two") return { backend: two.address }
        return undefined
      },
    },
    { backends: [one.address, two.address] },
  )
  const arrives = async (path: string, at: typeof one) => {
    const session = nextSession(at)
    await connectWs(t, url + path)
    return (await session).request.url
  }
  t.equal(await arrives("/own", three), "/there?x=1")
  for (let times = 0; times < 3; times++) t.equal(await arrives("/two", two), "/two")
  t.equal(await arrives("/else", one), "/else")
})

t.test("the one backend that locate names is not replaced by another when it is down", async (t) => {
  const [dead, live] = [await deadAddress(), await startWsBackend(t)]
  const { proxy } = await start(t, { locate: () => ({ backend: dead }) }, { backends: [dead, live.address] })
  t.match(await answered(proxy), { statusLine: "HTTP/1.1 502 Bad Gateway" })
  t.equal(live.server.clients.size, 0)
})

t.test("a URL of locate is dialled only where allowDestinations says", async (t) => {
  const backend = await startWsBackend(t, echo)
  const locate = () => ({ url: new URL(`ws://${backend.address}/base?own=1`), endpoint: "blue" })
  const listener = { backends: ["127.0.0.1:1"] }
  const { proxy: strict } = await start(t, { locate }, listener)
  const refused = nextRefusal(strict)
  t.match(await answered(strict), { statusLine: "HTTP/1.1 403 Forbidden" })
  t.match(await refused, { reason: "destination_refused", endpoint: "blue" })
  t.equal(backend.server.clients.size, 0)
  const { url } = await start(t, { locate, allowDestinations: [backend.address] }, listener)
  const session = nextSession(backend)
  await connectWs(t, `${url}/chat?own=2&x=3`)
  t.equal((await session).request.url, "/base/chat?own=1&x=3")
})

t.test("a server that a program has already asks the hooks as well", async (t) => {
  const handler = await createUpgradeHandler(["127.0.0.1:1"], {
    authorize: () => {
      throw new Refusal(402, "pay first")
    },
  })
  t.teardown(() => handler.close(0))
  const server = createServer().on("upgrade", handler).listen(0, "127.0.0.1")
  t.teardown(() => server.close())
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  const client = await RawPeer.connect(`127.0.0.1:${port}`)
  client.write(upgradeHead())
  await client.untilEnd()
  client.socket.end()
  t.match(parseAnswer(client.text), { statusLine: "HTTP/1.1 402 Payment Required", body: "pay first\n" })
})

t.test("options of hooks that are not valid are reported as such", async (t) => {
  const config = { ws_proxy: [{ bind: "127.0.0.1:0", backends: ["127.0.0.1:1"] }] }
  for (const options of [
    { authorize: null },
    { locate: null },
    { locate: "http://127.0.0.1:1" },
    { hookTimeoutMs: 0 },
    { hookTimeoutMs: Number.NaN },
    { allowDestinations: ["10.0.0.0/33"] },
  ]) {
    const error = await rejectionOf(() => createProxy(config, options as ProxyOptions))
    t.ok(error instanceof ConfigError)
    t.match(error, { message: new RegExp(Object.keys(options).join()) })
  }
})

t.test("a tunnel ends when the hook says that it expires, with a Close frame of 1008", async (t) => {
  const backend = await startWsBackend(t, echo)
  const { proxy, url } = await start(
    t,
    { authorize: () => ({ limits: { expiresAt: new Date(Date.now() + 200) } }) },
    { backends: [backend.address], close_frames: true },
  )
  const ended = once(proxy, "end")
  const client = await connectWs(t, url)
  t.match(await closeOf(client), { code: 1008 })
  t.match(await ended, [{ reason: "token_expired", who: "proxy" }])
})

t.test("hooks and worker threads exclude each other", async (t) => {
  const config = { workers: 2, ws_proxy: [{ bind: "127.0.0.1:0", backends: ["127.0.0.1:1"] }] }
  const error = await rejectionOf(() => createProxy(config, { authorize: () => true }))
  t.ok(error instanceof ConfigError)
})

t.test("a refusal can't be made with a status or a field that would break the response", async (t) => {
  for (const status of [0, 101, 200, 299, 304, 600, 403.5, Number.NaN]) {
    t.throws(() => new Refusal(status), RangeError)
  }
  for (const headers of [
    { "Content-Length": "1" },
    { Connection: "keep-alive" },
    { "Transfer-Encoding": "chunked" },
    { "X-A": "1\r\nX-B: 2" },
    { "X A": "1" },
  ]) {
    t.throws(() => new Refusal(403, "", headers), { name: "SettingError" })
  }
})
