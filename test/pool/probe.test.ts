import { once } from "node:events"
import t, { type Test } from "tap"
import { WebSocketServer } from "ws"
import { parseBackendAddress } from "../../lib/address/backend-address.js"
import { readSecureContext } from "../../lib/net/secure-context.js"
import { type ProbeFault, type ProbeSettings, type ProbeTarget, probe } from "../../lib/pool/probe.js"
import { systemClock } from "../../lib/shared/clock.js"
import { FakeClock } from "../support/clock/fake-clock.js"
import { answerUpgrade, deadAddress, startBackend } from "../support/peers/backend.js"
import { pour } from "../support/peers/pour.js"
import type { RawPeer } from "../support/peers/raw-peer.js"
import { makeTestCa } from "../support/peers/test-ca.js"
import { startTlsBackend } from "../support/peers/tls-backend.js"
import { startUnansweringPort } from "../support/peers/unanswering-port.js"
import { failingName, hangingName, lookupError } from "../support/pool/names.js"
import { turnUntil } from "../support/pool/turns.js"
import { settled } from "../support/project/settled.js"

const TIMEOUT_MS = 60_000

const TCP: ProbeSettings = { type: "tcp", path: "/", host: "", expect_status: [] }
const HTTP: ProbeSettings = { ...TCP, type: "http" }
const WS: ProbeSettings = { ...TCP, type: "ws" }

function target(address: string, check: ProbeSettings, more: Partial<ProbeTarget> = {}): ProbeTarget {
  return { backend: parseBackendAddress(address), check, ...more }
}

/** One check in real time. Its deadline is far away. */
function runCheck(target: ProbeTarget, signal?: AbortSignal): Promise<ProbeFault | undefined> {
  return probe(target, TIMEOUT_MS, systemClock, signal)
}

/** Sends a response after the request head, and then FIN unless more is to follow. */
async function respond(peer: RawPeer, response: string, isLast = true): Promise<void> {
  await peer.untilText("\r\n\r\n")
  peer.write(response)
  if (isLast) peer.socket.end()
}

/** Closes the backend's side after rws's FIN; neither side must have reset the connection. */
async function endsCleanly(t: Test, peer: RawPeer): Promise<void> {
  await peer.untilEnd()
  peer.socket.end()
  await peer.untilClosed()
  t.equal(peer.error, undefined)
}

for (const check of [TCP, HTTP, WS]) {
  t.test(`a ${check.type} check fails if nothing listens on the port`, async (t) => {
    const fault = await runCheck(target(await deadAddress(), check))
    t.same(fault, { text: "connection refused", reason: "backend_unreachable", isLocal: false })
  })

  t.test(`a ${check.type} check times out while a backend does not accept`, async (t) => {
    const clock = new FakeClock()
    const checking = probe(target(await startUnansweringPort(t), check), TIMEOUT_MS, clock)
    clock.advance(TIMEOUT_MS)
    const text = `no response in ${TIMEOUT_MS} ms`
    t.same(await checking, { text, reason: "connect_timeout", isLocal: false })
  })

  const lookups: readonly { code: string; text: string; reason: string; isLocal: boolean }[] = [
    { code: "EMFILE", text: "getaddrinfo EMFILE", reason: "local_exhaustion", isLocal: true },
    { code: "EAI_AGAIN", text: "no name server responded", reason: "resolve_failed", isLocal: true },
    { code: "ENOTFOUND", text: "the host name is unknown", reason: "resolve_failed", isLocal: false },
  ]
  for (const { code, ...expected } of lookups) {
    t.test(`a ${check.type} check of a name whose lookup fails with ${code} says why`, async (t) => {
      const name = failingName(lookupError(code))
      t.same(await runCheck(target(`${name}:1`, check)), expected)
    })
  }

  t.test(`a ${check.type} check of a name that is not resolved in time is a local fault`, async (t) => {
    const clock = new FakeClock()
    const hanging = hangingName(t)
    const checking = probe(target(`${hanging.name}:1`, check), TIMEOUT_MS, clock)
    await turnUntil(() => hanging.lookups() === 1, "the lookup")
    clock.advance(TIMEOUT_MS)
    const text = `the name was not resolved in ${TIMEOUT_MS} ms`
    t.same(await checking, { text, reason: "resolve_timeout", isLocal: true })
  })
}

t.test("a tcp check passes once the backend has accepted, and closes without a reset", async (t) => {
  const server = await startBackend(t)
  t.equal(await runCheck(target(server.address, TCP)), undefined)
  const peer = await server.peer()
  await endsCleanly(t, peer)
  t.equal(peer.text, "")
})

t.test("a check sends the PROXY header first", async (t) => {
  const server = await startBackend(t, (peer) => respond(peer, "HTTP/1.1 200 OK\r\n\r\n"))
  const proxyHeader = Buffer.from("PROXY UNKNOWN\r\n")
  t.equal(await runCheck(target(server.address, HTTP, { proxyHeader })), undefined)
  t.match((await server.peer()).text, /^PROXY UNKNOWN\r\nGET \/ HTTP/)
})

const requests: readonly { title: string; address: (port: string) => string; check: ProbeSettings }[] = [
  { title: "path and host", address: (at) => at, check: { ...HTTP, path: "/health", host: "chat.example" } },
  { title: "a base path", address: (at) => `ws://${at}/base`, check: { ...HTTP, path: "/health?a=1" } },
]

for (const { title, address, check } of requests) {
  t.test(`an http check sends its request with ${title}`, async (t) => {
    const server = await startBackend(t, (peer) => respond(peer, "HTTP/1.1 204 No Content\r\n\r\n"))
    t.equal(await runCheck(target(address(server.address), check)), undefined)
    const peer = await server.peer()
    const path = `${address("").endsWith("/base") ? "/base" : ""}${check.path}`
    const host = check.host || server.address
    t.equal(peer.text, `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
  })
}

const statuses: readonly { status: number; expect_status: readonly number[]; isGood: boolean }[] = [
  { status: 200, expect_status: [], isGood: true },
  { status: 299, expect_status: [], isGood: true },
  { status: 300, expect_status: [], isGood: false },
  { status: 404, expect_status: [], isGood: false },
  { status: 503, expect_status: [], isGood: false },
  { status: 101, expect_status: [], isGood: false },
  { status: 404, expect_status: [200, 404], isGood: true },
  { status: 204, expect_status: [200, 404], isGood: false },
]

for (const { status, expect_status, isGood } of statuses) {
  t.test(
    `an http check that expects [${expect_status}] ${isGood ? "passes" : "fails"} with ${status}`,
    async (t) => {
      const server = await startBackend(t, (peer) => respond(peer, `HTTP/1.1 ${status} X\r\n\r\n`))
      const fault = await runCheck(target(server.address, { ...HTTP, expect_status }))
      const reason = "refused_by_backend"
      t.same(fault, isGood ? undefined : { text: `status ${status}`, reason, isLocal: false })
      await (await server.peer()).untilClosed()
    },
  )
}

t.test("an http check skips interim responses", async (t) => {
  const response = "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"
  const server = await startBackend(t, (peer) => respond(peer, response))
  t.equal(await runCheck(target(server.address, HTTP)), undefined)
})

t.test("an http check lets the backend send its whole response and close first", async (t) => {
  const response = `HTTP/1.1 200 OK\r\n\r\n${"x".repeat(10_000)}`
  const server = await startBackend(t, (peer) => respond(peer, response))
  t.equal(await runCheck(target(server.address, HTTP)), undefined)
  await endsCleanly(t, await server.peer())
})

t.test("an http check does not read an endless response", async (t) => {
  const server = await startBackend(t, (peer) => {
    void respond(peer, "HTTP/1.1 200 OK\r\n\r\n", false).then(() => pour(peer, Buffer.alloc(65_536)))
  })
  t.equal(await runCheck(target(server.address, HTTP)), undefined)
  await (await server.peer()).untilClosed()
})

for (const check of [HTTP, WS]) {
  t.test(`a ${check.type} check does not wait past its deadline for a backend to close`, async (t) => {
    const server = await startBackend(t, (peer) =>
      check === WS ? void answerUpgrade(peer) : void respond(peer, "HTTP/1.1 200 OK\r\n\r\n", false),
    )
    const clock = new FakeClock()
    const checking = probe(target(server.address, check), TIMEOUT_MS, clock)
    // The first two timers are the deadlines of the dial and of the response head.
    await turnUntil(() => clock.delaysMs.length === 3, "the wait for the backend's FIN")
    clock.advance(TIMEOUT_MS - 1)
    t.equal(await settled(checking), false)
    clock.advance(1)
    t.equal(await checking, undefined)
    await endsCleanly(t, await server.peer())
  })

  t.test(`a ${check.type} check fails at its deadline if the backend does not respond`, async (t) => {
    const server = await startBackend(t)
    const clock = new FakeClock()
    const checking = probe(target(server.address, check), TIMEOUT_MS, clock)
    const peer = await server.peer()
    await peer.untilText("\r\n\r\n")
    clock.advance(TIMEOUT_MS)
    t.match(await checking, { text: `no response in ${TIMEOUT_MS} ms`, isLocal: false })
    await peer.until(({ ended, closed }) => ended || closed)
  })

  const badResponses: readonly { title: string; onPeer: (peer: RawPeer) => void; text: string | RegExp }[] = [
    {
      title: "sends FIN",
      onPeer: (peer) => peer.socket.end(),
      text: "the backend closed without a response",
    },
    {
      title: "resets",
      onPeer: (peer) => void peer.untilText("\r\n\r\n").then(() => peer.socket.resetAndDestroy()),
      text: /^(connection reset|the backend closed without a response)$/,
    },
    {
      title: "does not speak HTTP",
      onPeer: (peer) => peer.write("SSH-2.0-OpenSSH_9\r\n"),
      text: /^the backend's response is not valid HTTP\/1\.1/,
    },
    {
      title: "sends an endless response head",
      onPeer: (peer) => peer.write(`HTTP/1.1 200 OK\r\nX: ${"x".repeat(20_000)}`),
      text: /16 KiB/,
    },
  ]
  for (const { title, onPeer, text } of badResponses) {
    t.test(`a ${check.type} check fails if the backend ${title}`, async (t) => {
      const server = await startBackend(t, onPeer)
      const fault = await runCheck(target(server.address, check))
      t.match(fault, { text, isLocal: false })
      const peer = await server.peer()
      await peer.until(({ ended, closed }) => ended || closed)
    })
  }
}

t.test("a ws check upgrades, sends a Close frame, and lets the backend close first", async (t) => {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" })
  t.teardown(() => server.close())
  await once(server, "listening")
  const { port } = server.address() as { port: number }
  const goodbye = new Promise((resolve) => {
    server.once("connection", (socket, { url, headers }) => {
      socket.send("a greeting that nobody reads")
      socket.once("close", (code) => resolve({ code, url, host: headers.host }))
    })
  })
  const check = { ...WS, path: "/chat", host: "chat.example" }
  t.equal(await runCheck(target(`127.0.0.1:${port}`, check)), undefined)
  t.same(await goodbye, { code: 1000, url: "/chat", host: "chat.example" })
})

t.test("ws checks use random keys", async (t) => {
  const server = await startBackend(t, (peer) => respond(peer, "HTTP/1.1 503 X\r\n\r\n"))
  for (let i = 0; i < 5; i++) await runCheck(target(server.address, WS))
  const keys = server.peers.map(({ text }) => /^Sec-WebSocket-Key: (.*)$/m.exec(text)?.[1])
  t.equal(new Set(keys).size, 5)
  for (const key of keys) t.equal(Buffer.from(key ?? "", "base64").length, 16)
})

t.test("a ws check fails on any status except 101", async (t) => {
  const server = await startBackend(t, (peer) => respond(peer, "HTTP/1.1 200 OK\r\n\r\n"))
  const fault = await runCheck(target(server.address, { ...WS, expect_status: [200] }))
  t.same(fault, { text: "status 200", reason: "refused_by_backend", isLocal: false })
})

t.test("a ws check fails on a 101 whose Sec-WebSocket-Accept does not match its key", async (t) => {
  const server = await startBackend(t, (peer) => void answerUpgrade(peer, { "Sec-WebSocket-Accept": "x" }))
  const fault = await runCheck(target(server.address, WS))
  t.match(fault, { text: /Sec-WebSocket-Accept does not match the key/, isLocal: false })
})

const ca = makeTestCa(t)
const context = readSecureContext({ ca: ca.certFile })
const { cert, key } = ca.issue("DNS:localhost")
const tls = { context, serverName: "localhost", isVerified: true }

for (const check of [TCP, HTTP, WS]) {
  t.test(`a ${check.type} check passes over TLS, and closes without a reset`, async (t) => {
    const server = await startTlsBackend(t, { cert, key })
    const passing = runCheck(target(`wss://127.0.0.1:${server.address.port}`, check, { tls }))
    const { peer } = await server.next()
    if (check === HTTP) await respond(peer, "HTTP/1.1 200 OK\r\n\r\n")
    if (check === WS) {
      const head = await answerUpgrade(peer)
      await peer.until(({ received }) => received.length > head.length)
      peer.socket.end()
    }
    if (check === TCP) await endsCleanly(t, peer)
    t.equal(await passing, undefined)
    await peer.untilClosed()
    t.equal(peer.error, undefined)
  })

  t.test(`a ${check.type} check fails if the certificate is for another name`, async (t) => {
    const server = await startTlsBackend(t, { cert, key })
    const other = { ...tls, serverName: "other.example" }
    const at = `wss://127.0.0.1:${server.address.port}`
    const fault = await runCheck(target(at, check, { tls: other }))
    t.match(fault, { text: /^Host: other\.example\. is not in the cert's altnames/, isLocal: false })
  })
}

t.test("a check leaves no timer behind", async (t) => {
  const server = await startBackend(t, (peer) => respond(peer, "HTTP/1.1 200 OK\r\n\r\n"))
  for (const check of [HTTP, WS]) {
    const clock = new FakeClock()
    await probe(target(server.address, check), TIMEOUT_MS, clock)
    t.equal(clock.pending, 0)
  }
})

interface Wait {
  readonly title: string
  readonly check: ProbeSettings
  readonly onPeer?: (peer: RawPeer) => unknown
  /** What the backend receives before the check waits. */
  readonly until: string
}

const waits: readonly Wait[] = [
  { title: "for a response", check: HTTP, until: "\r\n\r\n" },
  {
    title: "for a backend to close after its response",
    check: HTTP,
    onPeer: (peer) => respond(peer, "HTTP/1.1 200 OK\r\n\r\n", false),
    until: "\r\n\r\n",
  },
  { title: "for a backend to close its tunnel", check: WS, onPeer: answerUpgrade, until: "\x88" },
]

for (const { title, check, onPeer = () => {}, until } of waits) {
  t.test(`a check that is aborted while it waits ${title} ends at once`, async (t) => {
    const server = await startBackend(t, (peer) => void onPeer(peer))
    const controller = new AbortController()
    const checking = runCheck(target(server.address, check), controller.signal)
    const peer = await server.peer()
    await peer.untilText(until)
    controller.abort()
    await checking
    await peer.until(({ ended, closed }) => ended || closed)
  })
}

t.test("a defect in a check is not reported as a fault of the backend", async (t) => {
  const server = await startBackend(t)
  const broken = {
    ...HTTP,
    get path(): string {
      throw new TypeError("a defect")
    },
  }
  await t.rejects(runCheck(target(server.address, broken)), { message: "a defect" })
  await (await server.peer()).untilEnd()
})

t.test("a check that is aborted while it waits for a connection ends at once", async (t) => {
  const controller = new AbortController()
  const checking = runCheck(target(await startUnansweringPort(t), TCP), controller.signal)
  controller.abort()
  t.match(await checking, { reason: "drain_timeout", isLocal: false })
})
