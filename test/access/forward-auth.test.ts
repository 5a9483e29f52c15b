import { once } from "node:events"
import { setImmediate } from "node:timers/promises"
import t, { type Test } from "tap"
import type { AskedRequest } from "../../lib/access/check.js"
import { ForwardAuth } from "../../lib/access/forward-auth.js"
import { forwardAuthSchema } from "../../lib/access/forward-auth-schema.js"
import { SessionEnd } from "../../lib/close-reason.js"
import { systemClock } from "../../lib/shared/clock.js"
import { asked, Wait } from "../support/access/asked.js"
import { oauth2Answer, startHttpService } from "../support/access/http-service.js"
import { FakeClock } from "../support/clock/fake-clock.js"
import { deadAddress, startBackend } from "../support/peers/backend.js"
import { rejectionOf } from "../support/project/thrown.js"

type Written = Parameters<typeof forwardAuthSchema.parse>[0] & object

async function prepared(t: Test, written: Written, clock = systemClock): Promise<ForwardAuth> {
  const check = new ForwardAuth(forwardAuthSchema.parse(written), clock)
  await check.prepare()
  t.teardown(() => check.stop())
  return check
}

async function endOf(check: ForwardAuth, request: AskedRequest = asked()): Promise<SessionEnd> {
  const error = await rejectionOf(() => check.check(request, new Wait()))
  if (error instanceof SessionEnd) return error
  throw new Error("it was let in, or failed otherwise", { cause: error })
}

t.test("the service is asked with a GET that describes the client's request", async (t) => {
  const service = await startHttpService(t, (_request, response) => response.end())
  const check = await prepared(t, {
    url: `${service.origin}/auth?x=1`,
    request_headers: ["Cookie", "Authorization", "X-Api-Key"],
  })
  const trace = { requestId: "r-1", traceparent: "00-1-1-01", edits: [] }
  const sent = {
    Cookie: "a=1; b=\xe9",
    authorization: "Bearer t",
    "X-Api-Key": ["1", "2"],
    "X-Forwarded-For": "6.6.6.6",
    "X-Forwarded-Uri": "/harmless",
    "X-Original-URL": "http://harmless.example/",
    "X-Forwarded-Host": "harmless.example",
    "X-Request-ID": "forged",
    "User-Agent": "browser",
  }
  await check.check(asked("/chat?room=%2F&x", sent, { trace }), new Wait())
  const [request] = service.requests
  t.match(request, { method: "GET", url: "/auth?x=1" })
  t.same(request?.rawHeaders.slice(0, 2).map(String), ["host", service.origin.slice(7)])
  t.same(
    request?.rawHeaders.slice(2).filter((text) => !/^(connection|keep-alive)$/i.test(text)),
    [
      ...["X-Forwarded-Method", "GET"],
      ...["X-Forwarded-Proto", "http"],
      ...["X-Forwarded-Host", "chat.example"],
      ...["X-Forwarded-Uri", "/chat?room=%2F&x"],
      ...["X-Original-Method", "GET"],
      ...["X-Original-URL", "http://chat.example/chat?room=%2F&x"],
      ...["X-Forwarded-For", "192.0.2.7"],
      ...["Cookie", "a=1; b=\xe9"],
      ...["authorization", "Bearer t"],
      ...["X-Api-Key", "1", "X-Api-Key", "2"],
      ...["X-Request-ID", "r-1"],
      ...["traceparent", "00-1-1-01"],
    ],
  )
})

t.test("behind a trusted proxy, the service is told what that proxy reports", async (t) => {
  const service = await startHttpService(t, (_request, response) => response.end())
  const check = await prepared(t, { url: service.origin })
  const client = { ip: "2001:db8::7", port: 0 }
  const report = { family: "x-forwarded", hops: [client], host: "front.example", proto: "wss" } as const
  await check.check(asked("/", {}, { report, client }), new Wait())
  t.match(service.requests[0]?.headers, {
    "x-forwarded-for": "2001:db8::7",
    "x-forwarded-host": "front.example",
    "x-forwarded-proto": "https",
    "x-original-url": "https://front.example/",
  })
})

t.test("a 2xx lets the client in, and replaces fields for the backend", async (t) => {
  const service = await startHttpService(t, (_request, response) => {
    response.setHeader("X-User", "ada")
    response.setHeader("X-Group", ["staff", "chat"])
    response.setHeader("X-Other", "no")
    response.writeHead(204).end()
  })
  const check = await prepared(t, { url: service.origin, copy_headers: ["x-user", "X-Group", "X-Missing"] })
  const { edits = [] } = await check.check(asked(), new Wait())
  t.same(
    edits.map(({ action, name, value }) => [action, name, value]),
    [
      ["set", "x-user", "ada"],
      ["set", "X-Group", "staff"],
      ["append", "X-Group", "chat"],
      ["remove", "X-Missing", ""],
    ],
  )
})

const RELAYED = [301, 302, 303, 307, 308, 401, 403]
const FAILED = [300, 304, 305, 400, 404, 407, 429, 500, 502, 503, 599]

for (const status of RELAYED) {
  t.test(`a ${status} is relayed with its end-to-end fields and its body`, async (t) => {
    const service = await startHttpService(t, (_request, response) => {
      response.writeHead(status, [
        ...["Location", "https://login.example.com/"],
        ...["WWW-Authenticate", 'Basic realm="r"'],
        ...["Set-Cookie", "a=1", "Set-Cookie", "b=2"],
        ...["X-Private", "1", "Connection", "close, X-Private", "Keep-Alive", "timeout=5"],
      ])
      response.write("go ")
      response.end("away")
    })
    const check = await prepared(t, { url: service.origin })
    const end = await endOf(check)
    t.equal(end.reason, "auth_refused")
    t.equal(end.status, status)
    t.equal(String(end.response?.body), "go away")
    t.equal(
      end.response?.fieldLines,
      'Location: https://login.example.com/\r\nWWW-Authenticate: Basic realm="r"\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n',
    )
  })
}

for (const status of FAILED) {
  t.test(`a ${status} is a failure of the service`, async (t) => {
    const service = await startHttpService(t, (_request, response) => {
      response.writeHead(status, { Location: "/" }).end("inner details")
    })
    const end = await endOf(await prepared(t, { url: service.origin }))
    t.equal(end.reason, "auth_failed")
    t.equal(end.status, 502)
    t.notMatch(end.message, /inner|127\.0\.0\.1/)
  })
}

t.test("users of an oauth2-style service are let in, sent to the login, or refused", async (t) => {
  const service = await startHttpService(t, oauth2Answer)
  const check = await prepared(t, { url: service.origin, copy_headers: ["X-Auth-Request-User"] })
  const grant = await check.check(asked("/chat", { Cookie: "x=1; _oauth2_proxy=ada" }), new Wait())
  t.match(grant.edits, [{ action: "set", value: "ada@example.com" }])
  const login = await endOf(check, asked("/chat?room=1"))
  t.match(
    login.response?.fieldLines,
    /^Location: https:\/\/login.example.com\/start\?rd=%2Fchat%3Froom%3D1\r\n/,
  )
  t.equal(login.response?.fieldLines.match(/^Set-Cookie: /gm)?.length, 2)
  const refused = await endOf(check, asked("/chat", { Cookie: "_oauth2_proxy=eve" }))
  t.equal(refused.status, 403)
  t.equal(String(refused.response?.body), "<h1>Not for your groups</h1>")
})

t.test("requests one after the other share a connection", async (t) => {
  const service = await startHttpService(t, (_request, response) => response.end("ok"))
  const check = await prepared(t, { url: service.origin })
  for (let count = 0; count < 5; count++) {
    await check.check(asked(), new Wait())
    // Only then has the connection been given back.
    await setImmediate()
  }
  t.equal(service.connections, 1)
  t.equal(service.requests.length, 5)
})

t.test("a kept connection that the service closes meanwhile is replaced", async (t) => {
  const service = await startBackend(t, (peer) => {
    let requests = 0
    peer.socket.on("data", () => {
      if (++requests > 1) peer.socket.resetAndDestroy()
      else peer.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    })
  })
  const check = await prepared(t, { url: `http://${service.address}` })
  await check.check(asked(), new Wait())
  await setImmediate()
  t.ok(await check.check(asked(), new Wait()))
  t.equal(service.peers.length, 2)
})

t.test("a service that breaks off each time is asked twice and no more", async (t) => {
  const service = await startBackend(t, (peer) => {
    peer.socket.on("data", () => peer.socket.resetAndDestroy())
  })
  const end = await endOf(await prepared(t, { url: `http://${service.address}` }))
  t.equal(end.reason, "auth_failed")
  t.equal(service.peers.length, 2)
})

const BROKEN: Readonly<Record<string, string>> = {
  "has a field over two lines": "HTTP/1.1 403 Forbidden\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n",
  "has a bare CR": "HTTP/1.1 403 Forbidden\r\nX: a\rb\r\nContent-Length: 0\r\n\r\n",
  "has a NUL": "HTTP/1.1 403 Forbidden\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n",
  "is not HTTP": "hello\r\n\r\n",
  "has two lengths": "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
  "ends before its length": "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab",
  "ends inside its chunks": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
  "ends inside its head": "HTTP/1.1 200 OK\r\nContent-Le",
  "is an upgrade": "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
  "has a head of 100 KiB": `HTTP/1.1 200 OK\r\nX: ${"x".repeat(100_000)}\r\n\r\n`,
  "has a refusal that ends before its length": "HTTP/1.1 403 Forbidden\r\nContent-Length: 10\r\n\r\nab",
}

for (const [title, response] of Object.entries(BROKEN)) {
  t.test(`a response that ${title} lets nobody in`, async (t) => {
    const service = await startBackend(t, (peer) => {
      peer.socket.once("data", () => peer.socket.end(response))
    })
    const end = await endOf(await prepared(t, { url: `http://${service.address}` }))
    t.equal(end.reason, "auth_failed")
  })
}

for (const status of [200, 401]) {
  t.test(`a ${status} with a body over max_response_bytes lets nobody in`, async (t) => {
    const service = await startHttpService(t, (_request, response) => {
      response.writeHead(status)
      const more = () => void (response.destroyed || response.write(Buffer.alloc(16_384), more))
      more()
    })
    const end = await endOf(await prepared(t, { url: service.origin, max_response_bytes: 100_000 }))
    t.match(end, { reason: "auth_failed", detail: "the body exceeds 100000 bytes" })
  })
}

t.test("a service that hangs, and one that drips, have one deadline for everything", async (t) => {
  const hanging = await startBackend(t)
  const dripping = await startBackend(t, (peer) => {
    peer.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    const timer = setInterval(() => peer.write("x"), 5)
    peer.socket.on("close", () => clearInterval(timer))
  })
  for (const { address } of [hanging, dripping]) {
    const end = await endOf(await prepared(t, { url: `http://${address}`, timeout_ms: 100 }))
    t.match(end, { reason: "auth_timeout", status: 504 })
  }
})

t.test("without a service nobody gets in", async (t) => {
  const end = await endOf(await prepared(t, { url: `http://${await deadAddress()}` }))
  t.equal(end.reason, "auth_failed")
  t.match(end.cause, { code: "ECONNREFUSED" })
})

t.test("the request ends when the client leaves", async (t) => {
  const service = await startBackend(t)
  const check = await prepared(t, { url: `http://${service.address}` })
  const wait = new Wait()
  const end = rejectionOf(() => check.check(asked(), wait))
  const peer = await service.peer()
  await peer.untilText("\r\n\r\n")
  const gone = new SessionEnd("client_aborted_in_authorize")
  wait.leave(gone)
  t.equal(await end, gone)
  await peer.untilEnd()
})

t.test("a certificate that nobody vouches for lets nobody in", async (t) => {
  const { makeTestCa } = await import("../support/peers/test-ca.js")
  const { createServer: createTlsServer } = await import("node:https")
  const { cert, key } = makeTestCa(t).issue("IP:127.0.0.1")
  const server = createTlsServer({ cert, key }, (_request, response) => void response.end())
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  t.teardown(() => server.close())
  const { port } = server.address() as { port: number }
  const end = await endOf(await prepared(t, { url: `https://127.0.0.1:${port}` }))
  t.equal(end.reason, "auth_failed")
})

t.test("after stop, requests in flight finish and connections close", async (t) => {
  const service = await startBackend(t)
  const check = await prepared(t, { url: `http://${service.address}` })
  const grant = check.check(asked(), new Wait())
  const peer = await service.peer()
  await peer.untilText("\r\n\r\n")
  check.stop()
  peer.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
  t.ok(await grant)
  await peer.untilEnd()
})

/** The service lets everybody in, and its verdicts are numbered. */
async function startNumbering(t: Test, written: Partial<Written>, clock = new FakeClock()) {
  let verdicts = 0
  const service = await startHttpService(t, (_request, response) => {
    response.setHeader("X-Verdict", `${++verdicts}`).end()
  })
  const settings = { url: service.origin, copy_headers: ["X-Verdict"], cache: CACHE, ...written }
  const check = await prepared(t, settings, clock)
  const verdictOn = async (request: AskedRequest) =>
    Number((await check.check(request, new Wait())).edits?.[0]?.value)
  return { check, clock, verdictOn }
}

const CACHE = { ttl_ms: 1000 }

t.test("with a cache, a 2xx holds for the same question, for ttl_ms", async (t) => {
  const cache = { ...CACHE, max_entries: 2 }
  const { check, clock, verdictOn } = await startNumbering(t, { cache })
  const ada = asked("/chat", { Cookie: "ada" })
  t.equal(await verdictOn(ada), 1)
  t.notOk(check.check(ada, new Wait()) instanceof Promise, "not waited for")
  t.equal(await verdictOn(ada), 1)
  t.equal(await verdictOn(asked("/chat", { Cookie: "bob" })), 2)
  clock.advance(999)
  t.equal(await verdictOn(ada), 1)
  clock.advance(1)
  t.equal(await verdictOn(ada), 3)
  t.equal(await verdictOn(asked("/chat", { Cookie: "eve" })), 4)
  t.equal(await verdictOn(asked("/chat", { Cookie: "bob" })), 5, "pushed out by the third of two entries")
})

const ADA = { Cookie: "session=ada" }
const TRACE = { requestId: "r-1", traceparent: "00-1-1-01", edits: [] }
/** Requests that differ from `asked("/chat", ADA)` in one thing, which the service may decide by. */
const OTHERS: Readonly<Record<string, AskedRequest>> = {
  "another path": asked("/admin", ADA),
  "a query": asked("/chat?room=secret", ADA),
  "an empty query": asked("/chat?", ADA),
  "another Host": asked("/chat", { ...ADA, Host: "other.example" }),
  "another scheme": asked("/chat", ADA, { proto: "https" }),
  "another client": asked("/chat", ADA, { client: { ip: "192.0.2.8", port: 5000 } }),
  "an Origin": asked("/chat", { ...ADA, Origin: "https://evil.example" }),
  "another cookie": asked("/chat", { Cookie: "session=ada; role=guest" }),
  "two Cookie fields": asked("/chat", { Cookie: ["session=ada", "session=eve"] }),
  "another credential": asked("/chat", { ...ADA, Authorization: "Bearer t" }),
  "a credential of its own kind": asked("/chat", { ...ADA, "X-Api-Key": "k" }),
  "a User-Agent": asked("/chat", { ...ADA, "User-Agent": "browser" }),
}
const EVERY_DEFAULT = ["Accept-Language", "Authorization", "Cookie", "Origin", "User-Agent"]

for (const [title, other] of Object.entries(OTHERS)) {
  t.test(`with a cache, ${title} is another question`, async (t) => {
    const { verdictOn } = await startNumbering(t, { request_headers: [...EVERY_DEFAULT, "X-Api-Key"] })
    t.equal(await verdictOn(asked("/chat", ADA)), 1)
    t.equal(await verdictOn(other), 2)
    t.equal(await verdictOn(asked("/chat", ADA)), 1)
    t.equal(await verdictOn(other), 2)
  })
}

t.test("with a cache, what the service does not get makes no other question", async (t) => {
  const { verdictOn } = await startNumbering(t, { request_headers: ["Cookie"] })
  t.equal(await verdictOn(asked("/chat", ADA, { trace: TRACE })), 1)
  const more = { ...ADA, Origin: "https://app.example", Authorization: "Bearer t", "X-Api-Key": "k" }
  const client = { ip: "192.0.2.7", port: 5001 }
  const trace = { ...TRACE, requestId: "r-2", traceparent: "00-2-2-01" }
  t.equal(await verdictOn(asked("/chat", more, { client, trace })), 1)
})

t.test("values of one field can't pass for those of two", async (t) => {
  const { verdictOn } = await startNumbering(t, { request_headers: ["X-A", "X-B"] })
  t.equal(await verdictOn(asked("/chat", { "X-A": "1", "X-B": "2" })), 1)
  t.equal(await verdictOn(asked("/chat", { "X-A": "1,X-B,2" })), 2)
  t.equal(await verdictOn(asked("/chat", { "X-A": '1","X-B","2' })), 3)
})

t.test("with a cache, refusals and requests without credentials are asked about each time", async (t) => {
  let status = 200
  const service = await startHttpService(t, (_request, response) => response.writeHead(status).end())
  const check = await prepared(t, { url: service.origin, cache: CACHE })
  const stranger = asked("/?ticket=1", { Origin: "https://app.example", "User-Agent": "a" })
  await check.check(stranger, new Wait())
  await check.check(stranger, new Wait())
  t.equal(service.requests.length, 2)
  for (status of [401, 302, 403, 500]) {
    await endOf(check, asked("/", ADA))
    await endOf(check, asked("/", ADA))
  }
  t.equal(service.requests.length, 10)
})

t.test("settings that make no sense are refused in words", async (t) => {
  const url = "http://127.0.0.1/"
  const cases: [written: object, path: string, says: RegExp][] = [
    [{}, "url", /expected a URL/],
    [{ url: "ftp://a" }, "url", /not a URL/],
    [{ url: "http:a" }, "url", /not a URL/],
    [{ url: "127.0.0.1:80" }, "url", /not a URL/],
    [{ url: "http://user:hunter2@a/" }, "url", /can't contain a user/],
    [{ url: "http://a/#b" }, "url", /fragment/],
    [{ url, request_headers: ["Sec-WebSocket-Key"] }, "request_headers.0", /belongs to the handshake/],
    [{ url, request_headers: ["Connection"] }, "request_headers.0", /belongs to/],
    [{ url, request_headers: ["Host"] }, "request_headers.0", /belongs to/],
    [{ url, request_headers: ["X-Forwarded-For"] }, "request_headers.0", /forge/],
    [{ url, request_headers: ["X_Forwarded_For"] }, "request_headers.0", /forge/],
    [{ url, request_headers: ["a b"] }, "request_headers.0", /not a field name/],
    [{ url, copy_headers: ["Upgrade"] }, "copy_headers.0", /can't be changed/],
    [{ url, timeout_ms: 0 }, "timeout_ms", /can't be switched off/],
    [{ url, cache: {} }, "cache.ttl_ms", /expected/],
    [{ url, cache: { ttl_ms: 0 } }, "cache.ttl_ms", /can't be switched off/],
  ]
  for (const [written, path, says] of cases) {
    const { error } = forwardAuthSchema.safeParse(written)
    const [issue] = error?.issues ?? []
    t.equal(issue?.path.join("."), path)
    t.match(issue?.message, says)
    t.notMatch(issue?.message, /hunter2/)
  }
})
