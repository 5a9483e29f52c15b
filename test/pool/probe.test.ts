import { once } from "node:events"
import t, { type Test } from "tap"
import { WebSocketServer } from "ws"
import { parseBackendAddress } from "../../lib/address/backend-address.js"
import { readSecureContext } from "../../lib/net/secure-context.js"
import { type ProbeSettings, type ProbeTarget, probe } from "../../lib/pool/probe.js"
import { answerUpgrade, deadAddress, startBackend } from "../support/peers/backend.js"
import { pour } from "../support/peers/pour.js"
import type { RawPeer } from "../support/peers/raw-peer.js"
import { makeTestCa } from "../support/peers/test-ca.js"
import { startTlsBackend } from "../support/peers/tls-backend.js"
import { startUnansweringPort } from "../support/peers/unanswering-port.js"
import { failingName, hangingName, lookupError } from "../support/pool/names.js"

const PATIENT_MS = 60_000
const HASTY_MS = 100

const TCP: ProbeSettings = { type: "tcp", path: "/", host: "", expect_status: [] }
const HTTP: ProbeSettings = { ...TCP, type: "http" }
const WS: ProbeSettings = { ...TCP, type: "ws" }

function target(address: string, check: ProbeSettings, more: Partial<ProbeTarget> = {}): ProbeTarget {
  return { backend: parseBackendAddress(address), check, ...more }
}

/** A backend that has waited for a whole request head says this, and then perhaps FIN. */
async function answerWith(peer: RawPeer, answer: string, isLast = true): Promise<void> {
  await peer.untilText("\r\n\r\n")
  peer.write(answer)
  if (isLast) peer.socket.end()
}

async function isClean(t: Test, peer: RawPeer): Promise<void> {
  await peer.untilEnd()
  peer.socket.end()
  await peer.untilClosed()
  t.equal(peer.error, undefined)
}

for (const check of [TCP, HTTP, WS]) {
  t.test(`a check by ${check.type} finds that nobody listens`, async (t) => {
    const fault = await probe(target(await deadAddress(), check), PATIENT_MS)
    t.same(fault, { text: "connection refused", reason: "backend_unreachable", isLocal: false })
  })

  t.test(`a check by ${check.type} finds that nobody accepts`, async (t) => {
    const fault = await probe(target(await startUnansweringPort(t), check), HASTY_MS)
    t.same(fault, { text: `no answer in ${HASTY_MS} ms`, reason: "connect_timeout", isLocal: false })
  })

  const lookups: readonly { code: string; text: string; reason: string; isLocal: boolean }[] = [
    { code: "EMFILE", text: "getaddrinfo EMFILE", reason: "local_exhaustion", isLocal: true },
    { code: "EAI_AGAIN", text: "no name server answered", reason: "resolve_failed", isLocal: true },
    { code: "ENOTFOUND", text: "the host name is unknown", reason: "resolve_failed", isLocal: false },
  ]
  for (const { code, ...expected } of lookups) {
    t.test(`a check by ${check.type} of a name whose lookup says ${code} tells why it failed`, async (t) => {
      const name = failingName(lookupError(code))
      t.same(await probe(target(`${name}:1`, check), PATIENT_MS), expected)
    })
  }

  t.test(
    `a check by ${check.type} of a name that is not resolved in time is not the backend's`,
    async (t) => {
      const fault = await probe(target(`${hangingName(t).name}:1`, check), HASTY_MS)
      const text = `the name was not resolved in ${HASTY_MS} ms`
      t.same(fault, { text, reason: "resolve_timeout", isLocal: true })
    },
  )
}

t.test("a check by tcp passes once the backend has accepted, and ends cleanly", async (t) => {
  const server = await startBackend(t)
  t.equal(await probe(target(server.address, TCP), PATIENT_MS), undefined)
  const peer = await server.peer()
  await isClean(t, peer)
  t.equal(peer.text, "")
})

t.test("a check sends the PROXY header before all else", async (t) => {
  const server = await startBackend(t, (peer) => answerWith(peer, "HTTP/1.1 200 OK\r\n\r\n"))
  const proxyHeader = Buffer.from("PROXY UNKNOWN\r\n")
  t.equal(await probe(target(server.address, HTTP, { proxyHeader }), PATIENT_MS), undefined)
  t.match((await server.peer()).text, /^PROXY UNKNOWN\r\nGET \/ HTTP/)
})

const requests: readonly { title: string; address: (port: string) => string; check: ProbeSettings }[] = [
  { title: "path and host", address: (at) => at, check: { ...HTTP, path: "/health", host: "chat.example" } },
  { title: "a base path", address: (at) => `ws://${at}/base`, check: { ...HTTP, path: "/health?a=1" } },
]

for (const { title, address, check } of requests) {
  t.test(`a check by http asks with ${title}`, async (t) => {
    const server = await startBackend(t, (peer) => answerWith(peer, "HTTP/1.1 204 No Content\r\n\r\n"))
    t.equal(await probe(target(address(server.address), check), PATIENT_MS), undefined)
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
    `a check by http that expects [${expect_status}] ${isGood ? "likes" : "minds"} ${status}`,
    async (t) => {
      const server = await startBackend(t, (peer) => answerWith(peer, `HTTP/1.1 ${status} X\r\n\r\n`))
      const fault = await probe(target(server.address, { ...HTTP, expect_status }), PATIENT_MS)
      const reason = "refused_by_backend"
      t.same(fault, isGood ? undefined : { text: `status ${status}`, reason, isLocal: false })
      await (await server.peer()).untilClosed()
    },
  )
}

t.test("a check by http passes over interim answers", async (t) => {
  const answer = "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"
  const server = await startBackend(t, (peer) => answerWith(peer, answer))
  t.equal(await probe(target(server.address, HTTP), PATIENT_MS), undefined)
})

t.test("a check by http lets the backend say all and close first", async (t) => {
  const answer = `HTTP/1.1 200 OK\r\n\r\n${"x".repeat(10_000)}`
  const server = await startBackend(t, (peer) => answerWith(peer, answer))
  t.equal(await probe(target(server.address, HTTP), PATIENT_MS), undefined)
  await isClean(t, await server.peer())
})

t.test("a check by http does not read an answer without an end", async (t) => {
  const server = await startBackend(t, (peer) => {
    void answerWith(peer, "HTTP/1.1 200 OK\r\n\r\n", false).then(() => pour(peer, Buffer.alloc(65_536)))
  })
  t.equal(await probe(target(server.address, HTTP), PATIENT_MS), undefined)
  await (await server.peer()).untilClosed()
})

for (const check of [HTTP, WS]) {
  t.test(`a check by ${check.type} waits no longer for a backend to close than it may take`, async (t) => {
    const server = await startBackend(t, (peer) =>
      check === WS ? void answerUpgrade(peer) : void answerWith(peer, "HTTP/1.1 200 OK\r\n\r\n", false),
    )
    t.equal(await probe(target(server.address, check), HASTY_MS), undefined)
    await isClean(t, await server.peer())
  })

  const badAnswers: readonly { title: string; onPeer: (peer: RawPeer) => void; text: string | RegExp }[] = [
    { title: "says nothing", onPeer: () => {}, text: `no answer in ${HASTY_MS} ms` },
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
      title: "speaks no HTTP",
      onPeer: (peer) => peer.write("SSH-2.0-OpenSSH_9\r\n"),
      text: /^the backend's response is not valid HTTP\/1\.1/,
    },
    {
      title: "answers without an end",
      onPeer: (peer) => peer.write(`HTTP/1.1 200 OK\r\nX: ${"x".repeat(20_000)}`),
      text: /16 KiB/,
    },
  ]
  for (const { title, onPeer, text } of badAnswers) {
    t.test(`a check by ${check.type} finds a backend that ${title}`, async (t) => {
      const server = await startBackend(t, onPeer)
      const fault = await probe(
        target(server.address, check),
        title === "says nothing" ? HASTY_MS : PATIENT_MS,
      )
      t.match(fault, { text, isLocal: false })
      const peer = await server.peer()
      await peer.until(({ ended, closed }) => ended || closed)
    })
  }
}

t.test("a check by ws upgrades, says goodbye, and lets the backend close first", async (t) => {
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
  t.equal(await probe(target(`127.0.0.1:${port}`, check), PATIENT_MS), undefined)
  t.same(await goodbye, { code: 1000, url: "/chat", host: "chat.example" })
})

t.test("the keys of checks by ws are random", async (t) => {
  const server = await startBackend(t, (peer) => answerWith(peer, "HTTP/1.1 503 X\r\n\r\n"))
  for (let i = 0; i < 5; i++) await probe(target(server.address, WS), PATIENT_MS)
  const keys = server.peers.map(({ text }) => /^Sec-WebSocket-Key: (.*)$/m.exec(text)?.[1])
  t.equal(new Set(keys).size, 5)
  for (const key of keys) t.equal(Buffer.from(key ?? "", "base64").length, 16)
})

t.test("a check by ws minds every answer but a 101", async (t) => {
  const server = await startBackend(t, (peer) => answerWith(peer, "HTTP/1.1 200 OK\r\n\r\n"))
  const fault = await probe(target(server.address, { ...WS, expect_status: [200] }), PATIENT_MS)
  t.same(fault, { text: "status 200", reason: "refused_by_backend", isLocal: false })
})

t.test("a check by ws minds a 101 that does not answer its key", async (t) => {
  const server = await startBackend(t, (peer) => void answerUpgrade(peer, { "Sec-WebSocket-Accept": "x" }))
  const fault = await probe(target(server.address, WS), PATIENT_MS)
  t.match(fault, { text: /Sec-WebSocket-Accept does not match the key/, isLocal: false })
})

const ca = makeTestCa(t)
const context = readSecureContext({ ca: ca.certFile })
const { cert, key } = ca.issue("DNS:localhost")
const tls = { context, serverName: "localhost", isVerified: true }

for (const check of [TCP, HTTP, WS]) {
  t.test(`a check by ${check.type} passes over TLS, and ends cleanly`, async (t) => {
    const server = await startTlsBackend(t, { cert, key })
    const passing = probe(target(`wss://127.0.0.1:${server.address.port}`, check, { tls }), PATIENT_MS)
    const { peer } = await server.next()
    if (check === HTTP) await answerWith(peer, "HTTP/1.1 200 OK\r\n\r\n")
    if (check === WS) {
      const head = await answerUpgrade(peer)
      await peer.until(({ received }) => received.length > head.length)
      peer.socket.end()
    }
    if (check === TCP) await isClean(t, peer)
    t.equal(await passing, undefined)
    await peer.untilClosed()
    t.equal(peer.error, undefined)
  })

  t.test(`a check by ${check.type} minds a certificate that is for another name`, async (t) => {
    const server = await startTlsBackend(t, { cert, key })
    const other = { ...tls, serverName: "other.example" }
    const at = `wss://127.0.0.1:${server.address.port}`
    const fault = await probe(target(at, check, { tls: other }), PATIENT_MS)
    t.match(fault, { text: /^Host: other\.example\. is not in the cert's altnames/, isLocal: false })
  })
}

t.test("a check that passes, or does not, leaves no timer behind", async (t) => {
  const server = await startBackend(t, (peer) => answerWith(peer, "HTTP/1.1 200 OK\r\n\r\n"))
  const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length
  const before = timers()
  for (const check of [HTTP, WS]) {
    await probe(target(server.address, check), PATIENT_MS)
    t.equal(timers(), before)
  }
})

interface Wait {
  readonly title: string
  readonly check: ProbeSettings
  readonly onPeer?: (peer: RawPeer) => unknown
  /** What the backend gets before the check waits. */
  readonly until: string
}

const waits: readonly Wait[] = [
  { title: "for a response", check: HTTP, until: "\r\n\r\n" },
  {
    title: "for a backend to close after its response",
    check: HTTP,
    onPeer: (peer) => answerWith(peer, "HTTP/1.1 200 OK\r\n\r\n", false),
    until: "\r\n\r\n",
  },
  { title: "for a backend to close its tunnel", check: WS, onPeer: answerUpgrade, until: "\x88" },
]

for (const { title, check, onPeer = () => {}, until } of waits) {
  t.test(`an aborted check ends at once: it waits ${title}`, async (t) => {
    const server = await startBackend(t, (peer) => void onPeer(peer))
    const controller = new AbortController()
    const checking = probe(target(server.address, check), PATIENT_MS, controller.signal)
    const peer = await server.peer()
    await peer.untilText(until)
    controller.abort()
    await checking
    await peer.until(({ ended, closed }) => ended || closed)
  })
}

t.test("a defect in a check is not taken for a fault of the backend", async (t) => {
  const server = await startBackend(t)
  const broken = {
    ...HTTP,
    get path(): string {
      throw new TypeError("a defect")
    },
  }
  await t.rejects(probe(target(server.address, broken), PATIENT_MS), { message: "a defect" })
  await (await server.peer()).untilEnd()
})

t.test("an aborted check that waits for a connection ends at once", async (t) => {
  const controller = new AbortController()
  const checking = probe(target(await startUnansweringPort(t), TCP), PATIENT_MS, controller.signal)
  controller.abort()
  t.match(await checking, { reason: "drain_timeout", isLocal: false })
})
