import { once } from "node:events"
import { createServer } from "node:http"
import { join } from "node:path"
import { PassThrough } from "node:stream"
import t from "tap"
import { ConfigError, createUpgradeHandler, type EndedSession, Pool } from "../../lib/index.js"
import { upgradeHead } from "../support/http/heads.js"
import { answerUpgrade, startBackend, startEchoBackend } from "../support/peers/backend.js"
import { untilBeyondHead } from "../support/peers/open-pair.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { socketFolder } from "../support/peers/socket-folder.js"
import {
  type Attached,
  attach,
  makeHandler,
  nextEndOf,
  nextRefusalBy,
  openAttachedPair,
  startServer,
} from "../support/program/attached.js"
import { rejectionOf, thrownBy } from "../support/project/thrown.js"

/** Sends an upgrade, and returns the client once it has the response's head. */
async function upgrade({ connect }: Attached, head = upgradeHead()): Promise<RawPeer> {
  const client = await connect()
  return client.write(head).untilText("\r\n\r\n")
}

async function getText({ address, scheme }: Attached): Promise<string> {
  t.equal(scheme, "http")
  const response = await fetch(`http://${address}/`)
  return response.text()
}

for (const scheme of ["http", "https"] as const) {
  t.test(`a handler tunnels the upgrades of an ${scheme} server`, async (t) => {
    const backend = await startEchoBackend(t)
    const attached = await attach(t, backend.address, scheme)
    const end = nextEndOf(attached.handler)
    const client = await upgrade(attached)
    t.match(client.text, /^HTTP\/1\.1 101 /s)
    client.write("hello")
    t.equal((await untilBeyondHead(client, 5)).toString(), "hello")
    client.socket.end()
    await client.untilClosed()
    t.match(await end, {
      listener: "attached",
      reason: "client_fin",
      path: "/chat",
      bytesFromClient: 5,
      bytesFromBackend: 5,
    })
  })
}

t.test("backends may be given in any form", async (t) => {
  const { address } = await startEchoBackend(t)
  const forms: { title: string; config: Parameters<typeof createUpgradeHandler>[0] }[] = [
    { title: "text", config: address },
    { title: "a URL", config: new URL(`ws://${address}`) },
    { title: "a list", config: [address] },
    { title: "a list of URLs", config: [new URL(`http://${address}/`)] },
    { title: "a list of tables", config: [{ address: new URL(`ws://${address}`), weight: 2 }] },
    { title: "a Pool", config: new Pool(address) },
    { title: "a listener", config: { backends: [address], idle_timeout_ms: 60_000 } },
    { title: "a listener with a Pool", config: { backends: new Pool(new URL(`ws://${address}`)) } },
    {
      title: "a whole configuration",
      config: { pool: { chat: { backends: [address] } }, ws_proxy: [{ pool: "chat", name: "chat" }] },
    },
  ]
  for (const { title, config } of forms) {
    const client = await upgrade(await attach(t, config))
    t.match(client.text, /^HTTP\/1\.1 101 /, title)
    client.socket.destroy()
  }
})

t.test(
  "keys that belong to the server or to the rws program are refused, together with all problems",
  async (t) => {
    const config = {
      workers: 2,
      pid_file: "/run/rws.pid",
      watch: true,
      ws_proxy: [
        {
          bind: "127.0.0.1:8080",
          bind_mode: "0660",
          reuse_port: true,
          read_timeout_ms: 1000,
          accept_proxy_protocol: true,
          status_path: "/healthz",
          idle_timeout_ms: -1,
          backends: ["127.0.0.1:9000"],
        },
        { backends: ["127.0.0.1:9001"] },
      ],
    }
    const error = await rejectionOf(() => createUpgradeHandler(config))
    t.ok(error instanceof ConfigError)
    const { problems } = error as ConfigError
    t.strictSame(problems.map(({ path }) => path.join(".")).sort(), [
      "pid_file",
      "watch",
      "workers",
      "ws_proxy.0.accept_proxy_protocol",
      "ws_proxy.0.bind",
      "ws_proxy.0.bind_mode",
      "ws_proxy.0.idle_timeout_ms",
      "ws_proxy.0.read_timeout_ms",
      "ws_proxy.0.reuse_port",
      "ws_proxy.0.status_path",
      "ws_proxy.1",
    ])
  },
)

t.test("a configuration that leads nowhere is refused as that of a proxy", async (t) => {
  t.match(await rejectionOf(() => createUpgradeHandler({})), {
    message: "configuration: ws_proxy[0].backends: required, but missing",
  })
  t.match(await rejectionOf(() => createUpgradeHandler("nonsense")), {
    name: "ConfigError",
    message: /nonsense/,
  })
})

t.test("HTTP stays with the server, and refusals are those of rws", async (t) => {
  const backend = await startEchoBackend(t)
  const attached = await attach(t, {
    route: [{ path: "/chat", backends: [backend.address] }],
    allowed_origins: ["https://app.example"],
  })
  t.equal(await getText(attached), "hello")
  const cases = [
    { head: upgradeHead({ Origin: "https://evil.example" }), status: 403, reason: "bad_origin" },
    { head: upgradeHead({}, "GET /other HTTP/1.1"), status: 404, reason: "no_route" },
    { head: upgradeHead({ "Sec-WebSocket-Version": "8" }), status: 426, reason: "bad_ws_version" },
    { head: upgradeHead({}, "POST /chat HTTP/1.1"), status: 400, reason: "bad_method" },
    { head: upgradeHead({}, "GET /chat HTTP/1.0"), status: 400, reason: "bad_version" },
    { head: `${upgradeHead({ "Content-Length": "3" })}abc`, status: 400, reason: "has_body" },
    { head: upgradeHead({ Upgrade: "h2c" }), status: 400, reason: "bad_upgrade" },
    { head: upgradeHead({ "Sec-WebSocket-Key": "short" }), status: 400, reason: "bad_key" },
    { head: upgradeHead({ Host: ["a.example", "b.example"] }), status: 400, reason: /bad_host|bad_request/ },
  ]
  for (const { head, status, reason } of cases) {
    const refusal = nextRefusalBy(attached.handler)
    const client = await upgrade(attached, head)
    t.match(client.text, new RegExp(`^HTTP/1\\.1 ${status} `), String(reason))
    t.match(client.text, /\r\nConnection: close\r\n/)
    if (client.text.includes("\n\n")) continue
    t.match(await refusal, { status, reason })
    client.socket.end()
    await client.untilClosed()
  }
  t.equal(backend.peers.length, 0)
  t.equal(await getText(attached), "hello")
})

t.test(
  "the backend gets the head's fields as they were sent, with the server's port and scheme",
  async (t) => {
    for (const scheme of ["http", "https"] as const) {
      const backend = await startBackend(t)
      const attached = await attach(
        t,
        { backends: [backend.address], sticky_cookie: "node", trace_headers: false, host_header: "client" },
        scheme,
      )
      const client = await attached.connect()
      client.write(upgradeHead({ "X-cUstom": ["one", "two\x80"], Expect: "100-continue", Cookie: "a=b" }))
      const head = await answerUpgrade(await backend.peer())
      await client.untilText("\r\n\r\n")
      t.match(head, "X-cUstom: one\r\nX-cUstom: two\x80\r\n")
      t.match(head, "Cookie: a=b\r\n")
      t.match(head, "X-Forwarded-For: 127.0.0.1\r\n")
      t.match(head, `X-Forwarded-Proto: ${scheme}\r\n`)
      t.match(head, `X-Forwarded-Port: ${attached.address.split(":")[1]}\r\n`)
      t.equal(/\r\nSet-Cookie: node=.*; Secure/.test(client.text), scheme === "https")
    }
  },
)

t.test("a PROXY header for the backend names the server's address", async (t) => {
  const backend = await startBackend(t)
  const attached = await attach(t, { backends: [backend.address], send_proxy_protocol: "v1" })
  const client = (await attached.connect()).write(upgradeHead())
  const peer = await backend.peer()
  await peer.untilText("\r\n\r\n")
  const [host, port] = attached.address.split(":")
  t.match(peer.text, new RegExp(`^PROXY TCP4 127\\.0\\.0\\.1 ${host} ${client.socket.localPort} ${port}\r\n`))
})

t.test("trusted_proxies may be in front of the server", async (t) => {
  const backend = await startBackend(t)
  const attached = await attach(t, { backends: [backend.address], trusted_proxies: ["127.0.0.1"] })
  const client = await attached.connect()
  client.write(upgradeHead({ "X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https" }))
  const head = await answerUpgrade(await backend.peer())
  t.match(head, "X-Forwarded-For: 192.0.2.7, 127.0.0.1\r\n")
  t.match(head, "X-Forwarded-Proto: https\r\n")
})

t.test("a server on a Unix socket", async (t) => {
  const backend = await startEchoBackend(t)
  const path = join(socketFolder(t), "http.sock")
  const handler = await makeHandler(t, { backends: [backend.address], trusted_proxies: ["unix"] })
  const server = createServer().on("upgrade", handler).listen(path)
  await once(server, "listening")
  t.teardown(() => server.close())
  const end = nextEndOf(handler)
  const client = await RawPeer.connect(`unix:${path}`)
  client.write(upgradeHead({ "X-Forwarded-For": "192.0.2.7" }))
  await client.untilText("101 Switching")
  client.socket.end()
  t.match(await end, { client: "192.0.2.7", via: "unix", reason: "client_fin" })
})

t.test("the limits of a listener apply", async (t) => {
  const backend = await startEchoBackend(t)
  const attached = await attach(t, { backends: [backend.address], max_connections: 1 })
  const first = await upgrade(attached)
  t.match((await upgrade(attached)).text, /^HTTP\/1\.1 503 /)
  const end = nextEndOf(attached.handler)
  first.socket.destroy()
  await end
  t.match((await upgrade(attached)).text, /^HTTP\/1\.1 101 /s)
})

const MATCHING: { title: string; line?: string; fields?: object; matches: boolean }[] = [
  { title: "the route's path", line: "GET /chat/1?a=b HTTP/1.1", matches: true },
  { title: "another path", line: "GET /other HTTP/1.1", matches: false },
  { title: "absolute-form", line: "GET http://chat.example/chat HTTP/1.1", matches: true },
  {
    title: "an authority that differs from Host",
    line: "GET http://a.example/chat HTTP/1.1",
    matches: false,
  },
  { title: "dot segments", line: "GET /chat/../other HTTP/1.1", matches: false },
  { title: "asterisk-form", line: "OPTIONS * HTTP/1.1", matches: false },
  { title: "another host", fields: { Host: "other.example" }, matches: false },
  {
    title: "a wrong version, which the handler refuses",
    fields: { "Sec-WebSocket-Version": "7" },
    matches: true,
  },
  { title: "an origin that the handler refuses", fields: { Origin: "https://evil.example" }, matches: true },
  { title: "a query", line: "GET /q?room=1 HTTP/1.1", matches: true },
  { title: "a field", line: "GET /f HTTP/1.1", fields: { "X-Kind": "feed" }, matches: true },
]

t.test("matches says whether a route would take the request, and counts nothing", async (t) => {
  const backend = await startEchoBackend(t)
  const backends = [backend.address]
  const handler = await makeHandler(t, {
    allowed_origins: ["https://app.example"],
    rate_per_ip: "1/h",
    route: [
      { host: "chat.example", path: "/chat", backends },
      { query: { room: "1" }, backends },
      { header: { "x-kind": "feed" }, backends },
    ],
  })
  const { server, connect } = await startServer(t)
  let found: unknown[] = []
  server.on("upgrade", (request, socket) => {
    found = [handler.matches(request), handler.matches(request)]
    socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")
  })
  for (const { title, line, fields, matches } of MATCHING) {
    const client = await connect()
    await client.write(upgradeHead({ ...fields }, line)).untilEnd()
    t.strictSame(found, [matches, matches], title)
  }
  for (const request of [
    { httpVersion: "", rawHeaders: [] },
    { httpVersion: "1.1", rawHeaders: ["Host"] },
  ]) {
    t.equal(handler.matches(request), false)
  }
})

t.test("a handler with a pool of its own matches every request", async (t) => {
  const handler = await makeHandler(t, "127.0.0.1:1")
  t.equal(handler.matches({ method: "GET", url: "/", httpVersion: "1.1", rawHeaders: [] }), true)
})

t.test("several handlers and another WebSocket server share one server", async (t) => {
  const [one, two] = [
    await startEchoBackend(t, { "X-By": "one" }),
    await startEchoBackend(t, { "X-By": "two" }),
  ]
  const handlers = [
    await makeHandler(t, { route: [{ path: "/one", backends: [one.address] }] }),
    await makeHandler(t, { route: [{ path: "/two", backends: [two.address] }] }),
  ]
  const started = await startServer(t)
  started.server.on("upgrade", (request, socket, head) => {
    const handler = handlers.find((candidate) => candidate.matches(request))
    if (handler !== undefined) handler(request, socket, head)
    else socket.end("HTTP/1.1 418 I'm a teapot\r\n\r\n")
  })
  for (const [path, found] of [
    ["/one", /X-By: one/],
    ["/two", /X-By: two/],
    ["/three", /^HTTP\/1\.1 418 /],
  ] as const) {
    const client = await started.connect()
    await client.write(upgradeHead({}, `GET ${path} HTTP/1.1`)).untilText("\r\n\r\n")
    t.match(client.text, found)
  }
})

t.test("the first handler that takes a socket keeps it", async (t) => {
  const [one, two] = [await startEchoBackend(t), await startEchoBackend(t)]
  const attached = await attach(t, one.address)
  attached.server.on("upgrade", await makeHandler(t, two.address))
  const client = await upgrade(attached)
  client.write("x")
  t.equal((await untilBeyondHead(client, 1)).toString(), "x")
  t.equal(two.peers.length, 0)
})

t.test("a reload changes where new upgrades go, and spares tunnels", async (t) => {
  const [one, two] = [
    await startEchoBackend(t, { "X-By": "one" }),
    await startEchoBackend(t, { "X-By": "two" }),
  ]
  const attached = await attach(t, one.address)
  const client = await upgrade(attached)
  t.strictSame(await attached.handler.reload({ name: "chat", backends: [two.address] }), [
    `listener chat: name "attached" -> "chat", backend ${two.address} added, backend ${one.address} removed`,
  ])
  t.match((await upgrade(attached)).text, "X-By: two")
  client.write("still there")
  t.equal((await untilBeyondHead(client, 11)).toString(), "still there")
  t.ok(
    (await rejectionOf(() => attached.handler.reload({ workers: 2, ws_proxy: [{}] } as object))) instanceof
      ConfigError,
  )
  t.match((await upgrade(attached)).text, "X-By: two", "after a refused reload everything is as it was")
})

t.test("close drains: new upgrades get a 503, tunnels end by themselves, and HTTP goes on", async (t) => {
  const pair = await openAttachedPair(t)
  const closed = pair.handler.close()
  const refused = await upgrade(pair)
  t.match(refused.text, /^HTTP\/1\.1 503 /)
  t.match(refused.text, "\r\nRetry-After: 1\r\n")
  t.match(refused.text, "\r\nConnection: close\r\n")
  t.equal(await getText(pair), "hello")
  pair.client.write("bye")
  t.match((await untilBeyondHead(pair.backend, 3)).toString(), "bye")
  pair.client.socket.end()
  pair.backend.socket.end()
  t.equal(await closed, 0)
  t.match((await upgrade(pair)).text, /^HTTP\/1\.1 503 /)
  await t.rejects(pair.handler.reload("127.0.0.1:1"), /closing/)
})

t.test("close(0) cuts the tunnels that are open", async (t) => {
  const pair = await openAttachedPair(t)
  const end = nextEndOf(pair.handler)
  t.equal(await pair.handler.close(0), 1)
  t.match(await end, { reason: "drain_timeout" })
  await Promise.all([pair.client.untilEnd(), pair.backend.untilEnd()])
  await t.rejects(pair.handler.close(-1), RangeError)
})

t.test("upgrades are taken during drain_delay_ms", async (t) => {
  const backend = await startEchoBackend(t)
  const attached = await attach(t, { backends: [backend.address], drain_delay_ms: 60_000 })
  const closed = attached.handler.close()
  t.match((await upgrade(attached)).text, /^HTTP\/1\.1 101 /s)
  await attached.handler.close(0)
  t.equal(await closed, 1)
})

t.test("server.close() waits for the tunnels, which handler.close() ends", async (t) => {
  const pair = await openAttachedPair(t)
  const serverClosed = once(pair.server, "close")
  pair.server.close()
  pair.server.closeAllConnections()
  pair.client.write("after")
  t.equal((await untilBeyondHead(pair.backend, 5)).toString(), "after", "the tunnel goes on")
  t.equal(pair.server.listening, false)
  await pair.handler.close(0)
  await serverClosed
})

t.test("await using drains at the end of the block", async (t) => {
  const backend = await startEchoBackend(t)
  const ended: Readonly<EndedSession>[] = []
  {
    await using handler = await createUpgradeHandler({ backends: [backend.address], drain_timeout_ms: 1 })
    handler.on("end", (session) => ended.push(session))
    const started = await startServer(t)
    started.server.on("upgrade", handler)
    await (await started.connect()).write(upgradeHead()).untilText("101 Switching")
  }
  t.match(ended, [{ reason: "drain_timeout" }])
})

t.test("events are those of a proxy, and their methods return the handler", async (t) => {
  const backend = await startEchoBackend(t)
  const attached = await attach(t, backend.address)
  const { handler } = attached
  const seen: string[] = []
  const onOpen = ({ status, backend: name }: { status: number; backend: string }) =>
    seen.push(`open ${status} ${name}`)
  t.equal(handler.on("open", onOpen), handler)
  const end = new Promise((resolve) => {
    t.equal(
      handler.once("end", ({ reason }) => resolve(seen.push(`end ${reason}`))),
      handler,
    )
  })
  const client = await upgrade(attached)
  client.socket.end()
  await end
  t.equal(handler.off("open", onOpen), handler)
  const next = nextEndOf(handler)
  ;(await upgrade(attached)).socket.end()
  await next
  t.strictSame(seen, [`open 101 ${backend.address}`, "end client_fin"])
})

t.test("a socket that is none is a TypeError", async (t) => {
  const handler = await makeHandler(t, "127.0.0.1:1")
  const request = { method: "GET", url: "/", httpVersion: "1.1", rawHeaders: [] }
  const error = thrownBy(() => handler(request, new PassThrough(), Buffer.alloc(0)))
  t.ok(error instanceof TypeError)
  t.match(error, { message: /must be a net\.Socket/ })
})

t.test(
  "the stream that Node.js 26 passes for a request with an unread body is refused with 400",
  async (t) => {
    const handler = await makeHandler(t, "127.0.0.1:1")
    const request = { method: "GET", url: "/", httpVersion: "1.1", rawHeaders: [], complete: false }
    const stream = new PassThrough()
    const received: Buffer[] = []
    stream.on("data", (bytes: Buffer) => received.push(bytes))
    handler(request, stream, Buffer.alloc(0))
    await once(stream, "close")
    t.match(Buffer.concat(received).toString(), /^HTTP\/1\.1 400 Bad Request\r\n/)
  },
)

t.test("the admin server of a whole configuration works", async (t) => {
  const backend = await startEchoBackend(t)
  const attached = await attach(t, {
    admin: { bind: "127.0.0.1:0" },
    ws_proxy: [{ backends: [backend.address] }],
  })
  await upgrade(attached)
  const metrics = await fetch(`http://${attached.handler.adminAddress()}/metrics`)
  t.match(await metrics.text(), /^rws_tunnels_total\{listener="attached".*\} 1$/m)
})

t.test("an upgrade may be the second request of a kept-alive connection", async (t) => {
  const backend = await startEchoBackend(t)
  const attached = await attach(t, backend.address)
  const client = await attached.connect()
  await client.write("GET / HTTP/1.1\r\nHost: chat.example\r\n\r\n").untilText("hello")
  await client.write(`${upgradeHead()}early`).untilText("101 Switching")
  await client.untilText("early")
  await client.write(" and late").untilText("early and late")
  t.match(client.text, /^HTTP\/1\.1 200 OK\r\n.*hello(?:\r\n0\r\n\r\n)?HTTP\/1\.1 101 /s)
})

t.test("an upgrade whose body has not come is refused, and what comes later hurts nobody", async (t) => {
  const backend = await startEchoBackend(t)
  const attached = await attach(t, backend.address)
  for (const fields of [{ "Content-Length": "5" }, { "Transfer-Encoding": "chunked" }]) {
    const client = await upgrade(attached, upgradeHead(fields))
    t.match(client.text, /^HTTP\/1\.1 400 Bad Request\r\n/)
    client.write("nonsense\r\n\r\n")
    await client.until(({ ended, closed }) => ended || closed)
    t.notMatch(client.text, /HTTP.*HTTP/s, "one response")
  }
  t.equal(backend.peers.length, 0)
  t.equal(await getText(attached), "hello")
})
