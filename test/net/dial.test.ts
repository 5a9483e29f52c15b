import { once } from "node:events"
import { createServer } from "node:net"
import { join } from "node:path"
import { setImmediate as nextTurn } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import t, { type Test } from "tap"
import type { Address } from "../../lib/address/address.js"
import { parseBackendAddress } from "../../lib/address/backend-address.js"
import { SessionEnd } from "../../lib/close-reason.js"
import type { Connection } from "../../lib/net/connection.js"
import { Dial, type DialOptions, type TlsOptions } from "../../lib/net/dial.js"
import { readSecureContext } from "../../lib/net/secure-context.js"
import { FakeClock } from "../support/clock/fake-clock.js"
import { deadAddress, startBackend } from "../support/peers/backend.js"
import { dialFor } from "../support/peers/dial-for.js"
import { acceptPeer } from "../support/peers/peers.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { RecordingHandler } from "../support/peers/recording-handler.js"
import { socketFolder } from "../support/peers/socket-folder.js"
import { makeTestCa } from "../support/peers/test-ca.js"
import { startTlsBackend } from "../support/peers/tls-backend.js"
import { startUnansweringPort } from "../support/peers/unanswering-port.js"
import { failingName, hangingName, lookupError, nameOf } from "../support/pool/names.js"
import { turnUntil } from "../support/pool/turns.js"
import { Program } from "../support/program/program.js"
import { rejectionOf } from "../support/project/thrown.js"

const PATIENT = { connectTimeoutMs: 60_000 }

async function dialAs(
  t: Test,
  address: Address,
  client?: Connection,
  options: DialOptions = PATIENT,
): Promise<Connection> {
  const backend = await dialFor(address, options, client)
  t.teardown(() => backend.socket.destroy())
  return backend
}

/** The reason of the `SessionEnd` that a dial rejects with. */
async function failureOf(t: Test, dialling: Promise<Connection>): Promise<SessionEnd> {
  const error = await rejectionOf(() => dialling)
  t.ok(error instanceof SessionEnd)
  return error instanceof SessionEnd ? error : new SessionEnd("internal_error")
}

/** Bytes flow in both directions: the socket that remains after all attempts is the one in use. */
async function checkBothWays(t: Test, backend: Connection, far: RawPeer): Promise<void> {
  const handler = new RecordingHandler()
  backend.attach(handler)
  backend.socket.write("ping")
  await far.untilText("ping")
  far.write("pong")
  await handler.untilBytes(4)
  t.equal(handler.text, "pong")
  far.socket.end()
  await handler.until("end")
}

async function hasIpv6(): Promise<boolean> {
  const server = createServer().listen(0, "::1")
  try {
    await once(server, "listening")
    server.close()
    return true
  } catch {
    return false
  }
}
const noIpv6 = !(await hasIpv6()) && "this machine has no ::1"

t.test("a backend on TCP is dialled", async (t) => {
  const { peer: client } = await acceptPeer(t)
  const server = await startBackend(t)
  const backend = await dialAs(t, parseBackendAddress(server.address).address, client)
  await checkBothWays(t, backend, await server.peer())
  t.equal(backend.stageBytes, 4)
})

t.test("a backend on a Unix socket is dialled", async (t) => {
  const { peer: client } = await acceptPeer(t)
  const path = join(socketFolder(t), "backend.sock")
  const server = createServer({ allowHalfOpen: true }).listen(path)
  t.teardown(() => server.close())
  const accepted = once(server, "connection")
  const backend = await dialAs(t, { kind: "unix", path }, client)
  const [socket] = await accepted
  t.teardown(() => socket.destroy())
  await checkBothWays(t, backend, new RawPeer(socket))
})

const names: readonly { title: string; addresses: string[]; bind: string; skip?: string | false }[] = [
  {
    title: "the second of two v4 addresses",
    addresses: ["127.0.0.2", "127.0.0.1"],
    bind: "127.0.0.1",
  },
  {
    title: "the last of five v4 addresses",
    addresses: ["127.0.0.5", "127.0.0.4", "127.0.0.3", "127.0.0.2", "127.0.0.1"],
    bind: "127.0.0.1",
  },
  { title: "v4 after v6", addresses: ["::1", "127.0.0.1"], bind: "127.0.0.1", skip: noIpv6 },
  { title: "v6 after v4", addresses: ["127.0.0.1", "::1"], bind: "::1", skip: noIpv6 },
  { title: "v6 only", addresses: ["::1"], bind: "::1", skip: noIpv6 },
  {
    title: "v6 after v6 and v4",
    addresses: ["127.0.0.2", "127.0.0.1", "::2", "::1"],
    bind: "::1",
    skip: noIpv6,
  },
]

for (const { title, addresses, bind, skip = false } of names) {
  t.test(
    `a name with several addresses is dialled at the one that accepts: ${title}`,
    { skip },
    async (t) => {
      const { peer: client } = await acceptPeer(t)
      const server = createServer({ allowHalfOpen: true }).listen(0, bind)
      await once(server, "listening")
      t.teardown(() => server.close())
      const accepted = once(server, "connection")
      const bound = server.address()
      const port = typeof bound === "object" && bound !== null ? bound.port : 0
      const backend = await dialAs(t, { kind: "tcp", host: nameOf(...addresses), port }, client)
      const [socket] = await accepted
      t.teardown(() => socket.destroy())
      t.equal(backend.socket.remoteAddress, bind)
      await checkBothWays(t, backend, new RawPeer(socket))
    },
  )
}

t.test("if every address refuses, the error lists each", async (t) => {
  const { peer: client } = await acceptPeer(t)
  const { port } = parseBackendAddress(await deadAddress()).address as { port: number }
  const host = nameOf("127.0.0.2", "127.0.0.1")
  const dialling = dialFor({ kind: "tcp", host, port }, PATIENT, client)
  const { reason, cause } = await failureOf(t, dialling)
  t.equal(reason, "backend_unreachable")
  t.ok(cause instanceof AggregateError)
  const errors = cause instanceof AggregateError ? cause.errors : []
  t.match(errors.map(({ message }) => message).sort(), [
    `connect ECONNREFUSED 127.0.0.1:${port}`,
    `connect ECONNREFUSED 127.0.0.2:${port}`,
  ])
  t.equal(client.hasAborted, false, "the client is not affected")
})

t.test("a Unix socket that does not exist is unreachable, with the system's error", async (t) => {
  const { peer: client } = await acceptPeer(t)
  const path = join(socketFolder(t), "missing.sock")
  const { reason, cause } = await failureOf(t, dialFor({ kind: "unix", path }, PATIENT, client))
  t.equal(reason, "backend_unreachable")
  t.match(cause, { code: "ENOENT" })
})

t.test("a dial times out if the backend does not accept", async (t) => {
  const { peer: client } = await acceptPeer(t)
  const address = parseBackendAddress(await startUnansweringPort(t)).address
  const clock = new FakeClock()
  const dialling = dialFor(address, PATIENT, client, clock)
  clock.advance(PATIENT.connectTimeoutMs)
  t.equal((await failureOf(t, dialling)).reason, "connect_timeout")
  t.equal(clock.pending, 0)
  t.equal(client.hasAborted, false)
})

t.test("the connect timeout covers all addresses of a name together", async (t) => {
  const { peer: client } = await acceptPeer(t)
  const { port } = parseBackendAddress(await startUnansweringPort(t)).address as { port: number }
  const host = nameOf("127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.1")
  const dialling = dialFor({ kind: "tcp", host, port }, { connectTimeoutMs: 600 }, client)
  t.equal((await failureOf(t, dialling)).reason, "connect_timeout")
})

const drained = new SessionEnd("drain_timeout")
const broken = new Error("broken")
const leaves = [
  {
    title: "with a FIN",
    leave: (_: Connection, far: RawPeer) => void far.socket.end(),
    reason: "client_aborted_in_dial",
  },
  {
    title: "with a reset",
    leave: (_: Connection, far: RawPeer) => void far.socket.resetAndDestroy(),
    reason: "client_aborted_in_dial",
  },
  {
    title: "with an error",
    leave: (client: Connection) => client.close(broken),
    reason: "client_aborted_in_dial",
    cause: broken,
  },
  {
    title: "because rws closes it",
    leave: (client: Connection) => client.close(drained),
    reason: "drain_timeout",
  },
] as const

for (const { title, leave, reason, ...rest } of leaves) {
  t.test(`a client that aborts (${title}) ends the dial at once`, async (t) => {
    const { peer: client, far } = await acceptPeer(t)
    const address = parseBackendAddress(await startUnansweringPort(t)).address
    const failure = failureOf(t, dialFor(address, PATIENT, client))
    leave(client, far)
    const end = await failure
    t.equal(end.reason, reason)
    if ("cause" in rest) t.equal(end.cause, rest.cause)
  })
}

t.test("bytes that the client sends during a dial wait for the next stage", async (t) => {
  const { peer: client, far } = await acceptPeer(t)
  const address = parseBackendAddress(await startUnansweringPort(t)).address
  const clock = new FakeClock()
  const failure = failureOf(t, dialFor(address, PATIENT, client, clock))
  far.write("early")
  await turnUntil(() => client.socket.bytesRead === 5, "the early bytes")
  clock.advance(PATIENT.connectTimeoutMs)
  t.equal((await failure).reason, "connect_timeout")
  const handler = new RecordingHandler()
  client.attach(handler)
  await handler.untilBytes(5)
  t.equal(handler.text, "early")
})

t.test("bytes that a backend sends unasked wait for the next stage", async (t) => {
  const { peer: client } = await acceptPeer(t)
  const server = await startBackend(t, (peer) => peer.write("hello"))
  const backend = await dialAs(t, parseBackendAddress(server.address).address, client)
  await turnUntil(() => backend.stageBytes === 5, "the greeting")
  const handler = new RecordingHandler()
  backend.attach(handler)
  t.equal(handler.text, "hello")
})

t.test("a dial leaves no timer behind, however it ends", async (t) => {
  const { peer: client } = await acceptPeer(t)
  const server = await startBackend(t)
  const path = join(socketFolder(t), "missing.sock")
  const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length
  const before = timers()
  await dialAs(t, parseBackendAddress(server.address).address, client)
  t.equal(timers(), before, "connected")
  await failureOf(t, dialFor({ kind: "unix", path }, PATIENT, client))
  t.equal(timers(), before, "failed")
})

t.test("a backend is dialled without a client", async (t) => {
  const server = await startBackend(t)
  const backend = await dialAs(t, parseBackendAddress(server.address).address)
  await checkBothWays(t, backend, await server.peer())
})

t.test("the PROXY header is the first thing that a backend gets", async (t) => {
  const server = await startBackend(t)
  const options = { ...PATIENT, proxyHeader: Buffer.from("PROXY UNKNOWN\r\n") }
  const backend = await dialAs(t, parseBackendAddress(server.address).address, undefined, options)
  backend.socket.write("head")
  const far = await server.peer()
  await far.untilText("head")
  t.equal(far.text, "PROXY UNKNOWN\r\nhead")
})

const ca = makeTestCa(t)
const context = readSecureContext({ ca: ca.certFile })
const good = ca.issue("DNS:chat.example,DNS:localhost,IP:127.0.0.1,IP:fe80::1")
const tls = (options: Partial<TlsOptions> = {}): DialOptions => ({
  ...PATIENT,
  tls: { context, serverName: "localhost", isVerified: true, ...options },
})

const serverNames: readonly { title: string; serverName: string; sni: string | false }[] = [
  { title: "by its name", serverName: "localhost", sni: "localhost" },
  { title: "by a name other than the dialled one", serverName: "chat.example", sni: "chat.example" },
  { title: "by a name in capitals", serverName: "CHAT.example", sni: "CHAT.example" },
  { title: "by a name with a trailing dot", serverName: "chat.example.", sni: "chat.example" },
  { title: "by its address, without SNI", serverName: "127.0.0.1", sni: false },
  { title: "by a v6 address with a zone", serverName: "fe80::1%eth0", sni: false },
]

for (const { title, serverName, sni } of serverNames) {
  t.test(`a TLS backend is verified ${title}`, async (t) => {
    const { peer: client } = await acceptPeer(t)
    const server = await startTlsBackend(t, { ...good, ALPNProtocols: ["h2", "http/1.1"] })
    const backend = await dialAs(t, server.address, client, tls({ serverName }))
    const { peer: far, socket } = await server.next()
    await checkBothWays(t, backend, far)
    t.equal((socket as { servername?: unknown }).servername, sni)
    t.equal(socket.alpnProtocol, "http/1.1")
    t.equal(backend.stageBytes, 4, "bytes are counted inside TLS")
    t.equal(backend.socket.bytesWritten, 4)
  })
}

const stranger = makeTestCa(t)
const untrusted: readonly { title: string; server: { cert: string; key: string }; code: string }[] = [
  {
    title: "for another name",
    server: ca.issue("DNS:other.test"),
    code: "ERR_TLS_CERT_ALTNAME_INVALID",
  },
  {
    title: "from an unknown authority",
    server: stranger.issue("DNS:localhost"),
    code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  },
  { title: "that is self-signed", server: stranger, code: "DEPTH_ZERO_SELF_SIGNED_CERT" },
  { title: "that has expired", server: ca.issue("DNS:localhost", -1), code: "CERT_HAS_EXPIRED" },
]

for (const { title, server: shown, code } of untrusted) {
  t.test(`a backend with a certificate ${title} is unreachable`, async (t) => {
    const server = await startTlsBackend(t, shown)
    const { reason, cause } = await failureOf(t, dialFor(server.address, tls()))
    t.equal(reason, "backend_unreachable")
    t.match(cause, { code })
  })

  t.test(`a backend with a certificate ${title} is connected if it is not verified`, async (t) => {
    const server = await startTlsBackend(t, shown)
    const backend = await dialAs(t, server.address, undefined, tls({ isVerified: false }))
    await checkBothWays(t, backend, (await server.next()).peer)
  })
}

const WANTS_OURS = { ...good, ca: ca.cert, requestCert: true, rejectUnauthorized: true }

for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
  t.test(`our certificate is sent to a backend that requires one, with ${version}`, async (t) => {
    const { certFile: cert, keyFile: key } = ca.issue("DNS:rws.example")
    const mine = readSecureContext({ ca: ca.certFile, cert, key })
    const server = await startTlsBackend(t, { ...WANTS_OURS, minVersion: version, maxVersion: version })
    const backend = await dialAs(t, server.address, undefined, tls({ context: mine }))
    const { peer: far, socket } = await server.next()
    t.equal(socket.getPeerCertificate().subjectaltname, "DNS:rws.example")
    await checkBothWays(t, backend, far)
  })
}

t.test("a backend that requires a certificate is unreachable without one, with TLSv1.2", async (t) => {
  const server = await startTlsBackend(t, { ...WANTS_OURS, maxVersion: "TLSv1.2" })
  t.equal((await failureOf(t, dialFor(server.address, tls()))).reason, "backend_unreachable")
})

t.test("a backend that requires a certificate breaks the connection without one, with TLSv1.3", async (t) => {
  const server = await startTlsBackend(t, { ...WANTS_OURS, minVersion: "TLSv1.3" })
  const backend = await dialAs(t, server.address, undefined, tls())
  const handler = new RecordingHandler()
  backend.attach(handler)
  await handler.until("close")
  t.match(handler.error, { code: "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED" })
})

t.test("a backend that speaks only HTTP/2 is unreachable", async (t) => {
  const server = await startTlsBackend(t, { ...good, ALPNProtocols: ["h2"] })
  t.equal((await failureOf(t, dialFor(server.address, tls()))).reason, "backend_unreachable")
})

const noTls: readonly { title: string; onPeer: (peer: RawPeer) => void; code: string | RegExp }[] = [
  {
    title: "responds in plain text",
    onPeer: (peer) => peer.write("HTTP/1.1 400 Bad Request\r\n\r\n"),
    code: "ERR_SSL_WRONG_VERSION_NUMBER",
  },
  { title: "sends FIN at once", onPeer: (peer) => peer.socket.end(), code: "ECONNRESET" },
  { title: "resets at once", onPeer: (peer) => peer.socket.resetAndDestroy(), code: /^(ECONNRESET|EPIPE)$/ },
]

for (const { title, onPeer, code } of noTls) {
  t.test(`a backend that ${title} instead of TLS is unreachable`, async (t) => {
    const server = await startBackend(t, onPeer)
    const { address } = parseBackendAddress(server.address)
    const { reason, cause } = await failureOf(t, dialFor(address, tls()))
    t.equal(reason, "backend_unreachable")
    t.match(cause, { code })
  })
}

t.test("the PROXY header comes before TLS", async (t) => {
  const server = await startBackend(t)
  const { address } = parseBackendAddress(server.address)
  const { peer: client } = await acceptPeer(t)
  const proxyHeader = Buffer.from("PROXY UNKNOWN\r\n")
  const dialling = failureOf(t, dialFor(address, { ...tls(), proxyHeader }, client))
  const far = await server.peer()
  await far.untilBytes(proxyHeader.length + 3)
  t.equal(far.received.subarray(0, proxyHeader.length).toString(), proxyHeader.toString())
  // RFC 8446 §5.1: a handshake record.
  t.equal(far.received[proxyHeader.length], 0x16)
  t.equal(far.received[proxyHeader.length + 1], 0x03)
  client.close(new SessionEnd("drain_timeout"))
  t.equal((await dialling).reason, "drain_timeout")
})

t.test("a dial times out if the backend does not respond to the TLS handshake", async (t) => {
  const server = await startBackend(t)
  const { address } = parseBackendAddress(server.address)
  const clock = new FakeClock()
  const failure = failureOf(t, dialFor(address, tls(), undefined, clock))
  const far = await server.peer()
  await far.untilBytes(3)
  clock.advance(PATIENT.connectTimeoutMs)
  t.equal((await failure).reason, "connect_timeout")
  await far.untilEnd()
})

for (const { title, leave, reason } of leaves) {
  t.test(`a client that aborts during the TLS handshake ends the dial: ${title}`, async (t) => {
    const { peer: client, far } = await acceptPeer(t)
    const server = await startBackend(t)
    const failure = failureOf(t, dialFor(parseBackendAddress(server.address).address, tls(), client))
    const backend = await server.peer()
    await backend.untilBytes(3)
    leave(client, far)
    t.equal((await failure).reason, reason)
    await backend.until(({ ended, closed }) => ended || closed)
  })
}

const lookups: readonly { error: Error; reason: string }[] = [
  { error: lookupError("ENOTFOUND"), reason: "resolve_failed" },
  { error: lookupError("EAI_AGAIN"), reason: "resolve_failed" },
  { error: lookupError("EMFILE"), reason: "local_exhaustion" },
]

for (const { error, reason } of lookups) {
  t.test(`a name whose lookup fails with ${error.message} is a ${reason}`, async (t) => {
    const dialling = dialFor({ kind: "tcp", host: failingName(error), port: 1 }, PATIENT)
    const failure = await failureOf(t, dialling)
    t.equal(failure.reason, reason)
    t.equal(failure.cause, error)
  })
}

t.test("a name that is not resolved in time is not reported as a backend that does not accept", async (t) => {
  const { peer: client } = await acceptPeer(t)
  const { name } = hangingName(t)
  const clock = new FakeClock()
  const dialling = dialFor({ kind: "tcp", host: name, port: 1 }, PATIENT, client, clock)
  await nextTurn()
  clock.advance(PATIENT.connectTimeoutMs)
  t.equal((await failureOf(t, dialling)).reason, "resolve_timeout")
  t.equal(client.hasAborted, false)
})

for (const { title, leave, reason } of leaves) {
  t.test(`a client that aborts while a name is being resolved ends the dial: ${title}`, async (t) => {
    const { peer: client, far } = await acceptPeer(t)
    const { port } = parseBackendAddress((await startBackend(t)).address).address as { port: number }
    const { name, lookups, resolveTo } = hangingName(t)
    const address: Address = { kind: "tcp", host: name, port }
    const failure = failureOf(t, dialFor(address, PATIENT, client))
    const other = dialAs(t, address)
    leave(client, far)
    t.equal((await failure).reason, reason)
    t.equal(lookups(), 1)
    resolveTo("127.0.0.1")
    await t.resolves(other, "and no other that waits for the same name")
  })
}

t.test("localhost is dialled without a lookup, even while other lookups hang", async (t) => {
  const server = await startBackend(t)
  const { port } = parseBackendAddress(server.address).address as { port: number }
  t.intercept((await import("node:dns")).default, "lookup", { value: () => t.fail("a lookup") })
  const backend = await dialAs(t, { kind: "tcp", host: "localhost", port })
  await checkBothWays(t, backend, await server.peer())
})

t.test("a close ends a dial at once, in whatever phase it is", async (t) => {
  const { name } = hangingName(t)
  const server = await startBackend(t)
  const waits: [Address, DialOptions][] = [
    [{ kind: "tcp", host: name, port: 1 }, PATIENT],
    [parseBackendAddress(await startUnansweringPort(t)).address, PATIENT],
    [parseBackendAddress(server.address).address, tls()],
  ]
  for (const [address, options] of waits) {
    const dial = new Dial(address, options)
    const failure = failureOf(t, dial.connected)
    if (options.tls !== undefined) await (await server.peer()).untilBytes(3)
    dial.close(new SessionEnd("drain_timeout"))
    t.equal((await failure).reason, "drain_timeout")
  }
})

t.test("without descriptors no backend is blamed, not even for its name", async (t) => {
  const script = fileURLToPath(new URL("../support/program/dial-without-descriptors.js", import.meta.url))
  const dialler = Program.start(t, "sh", ["-c", `ulimit -n 64; exec "$0" "$1"`, process.execPath, script])
  await dialler.untilExit()
  t.equal(dialler.stdout, "local_exhaustion,local_exhaustion,local_exhaustion")
})
