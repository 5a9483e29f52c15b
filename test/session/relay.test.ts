import { createHash, randomBytes } from "node:crypto"
import { setImmediate as nextTurn } from "node:timers/promises"
import t, { type Test } from "tap"
import { SessionEnd } from "../../lib/close-reason.js"
import { parseResponseHead, type ResponseHead } from "../../lib/http/head.js"
import type { Connection } from "../../lib/net/connection.js"
import { relay } from "../../lib/session/relay.js"
import { type Clock, systemClock } from "../../lib/shared/clock.js"
import { FakeClock } from "../support/clock/fake-clock.js"
import { acceptPeer, type ConnectionEnds, dialPeer } from "../support/peers/peers.js"
import { readSteadily } from "../support/peers/read-steadily.js"
import { untilStalled } from "../support/peers/stalled.js"
import { wasReset } from "../support/peers/was-reset.js"
import { turnUntil } from "../support/pool/turns.js"
import { Meter } from "../support/program/meter.js"
import { rejectionOf } from "../support/project/thrown.js"

const MB = 1_000_000
const PATIENT_MS = 60_000
/** A reader's pace, and a timeout shorter than its whole read but longer than the kernel's steps. */
const BYTES_PER_MS = 4_000
const STALL_MS = 700

interface Relaying {
  readonly client: ConnectionEnds
  readonly backend: ConnectionEnds
}

async function connect(t: Test): Promise<Relaying> {
  return { client: await acceptPeer(t), backend: await dialPeer(t) }
}

/** A backend's refusal as the handshake returns it. */
function answerOf(...fields: string[]): ResponseHead {
  const bytes = Buffer.from(["HTTP/1.1 403 Forbidden", ...fields, "", ""].join("\r\n"), "latin1")
  return parseResponseHead(bytes)
}

function relayTo(
  client: Connection,
  backend: Connection,
  response: ResponseHead,
  handshake_timeout_ms: number,
  clock: Clock = systemClock,
): Promise<SessionEnd> {
  return relay(
    { client, enter() {}, settings: { handshake_timeout_ms }, listener: { clock } },
    backend,
    response,
  )
}

async function reasonOf(relaying: Promise<unknown>): Promise<string> {
  const error = await rejectionOf(() => relaying)
  return error instanceof SessionEnd ? error.reason : String(error)
}

const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length

t.test(
  "after a relay the backend is gone, the client is still connected, and no timer is left",
  async (t) => {
    const { client, backend } = await connect(t)
    const before = timers()
    const relaying = relayTo(client.peer, backend.peer, answerOf("Content-Length: 5"), PATIENT_MS)
    backend.far.write("hello")
    await relaying
    await client.far.untilText("hello")
    t.equal(backend.peer.socket.destroyed, true)
    t.equal(client.peer.hasAborted, false)
    t.equal(client.peer.unfinished, false, "the client may be closed with FIN now")
    t.equal(timers(), before)
    client.peer.socket.end()
    await client.far.untilEnd()
    t.match(client.far.text, /^HTTP\/1\.1 403 Forbidden\r\n/)
    t.match(client.far.text, /\r\n\r\nhello$/)
  },
)

t.test("a refusal without a body is relayed at once", async (t) => {
  const { client, backend } = await connect(t)
  await relayTo(client.peer, backend.peer, answerOf("Content-Length: 0"), PATIENT_MS)
  await client.far.untilText("\r\n\r\n")
  t.equal(backend.peer.socket.destroyed, true)
})

t.test("a large body waits for a client that does not read, and arrives whole", async (t) => {
  const { client, backend } = await connect(t)
  const body = randomBytes(30 * MB)
  const relaying = relayTo(client.peer, backend.peer, answerOf(`Content-Length: ${body.length}`), PATIENT_MS)
  await client.far.untilText("\r\n\r\n")
  const meter = new Meter(client.far)
  client.far.socket.pause()
  backend.far.write(body)
  await untilStalled(backend.far.socket)
  t.ok(backend.far.socket.writableLength > 0, "the backend has been paused")
  t.ok(client.peer.socket.writableLength < MB, `${client.peer.socket.writableLength} bytes in our memory`)
  client.far.socket.resume()
  await relaying
  await meter.untilBytes(body.length)
  t.equal(meter.digest(), createHash("sha256").update(body).digest("hex"))
})

t.test("body bytes that arrived with the head are relayed, and nothing after the body", async (t) => {
  const { client, backend } = await connect(t)
  backend.far.write("hello, and something else")
  await turnUntil(() => backend.peer.stageBytes === 25, "the bytes")
  await relayTo(client.peer, backend.peer, answerOf("Content-Length: 5"), PATIENT_MS)
  client.peer.socket.end()
  await client.far.untilEnd()
  t.match(client.far.text, /\r\n\r\nhello$/)
})

t.test("a client that has sent FIN still gets the whole body, and its own bytes are discarded", async (t) => {
  const { client, backend } = await connect(t)
  client.far.socket.end("early frames")
  await turnUntil(() => client.peer.ended, "the FIN")
  const relaying = relayTo(client.peer, backend.peer, answerOf("Content-Length: 5"), PATIENT_MS)
  backend.far.write("hel")
  await client.far.untilText("hel")
  backend.far.write("lo")
  await relaying
  await client.far.untilText("hello")
  t.equal(backend.far.text, "", "the backend has got nothing")
})

const failing: readonly {
  title: string
  act: (relaying: Relaying & { clock: FakeClock }) => unknown
  reason: string
}[] = [
  {
    title: "a backend that sends FIN within the body",
    act: ({ backend }) => backend.far.socket.end(),
    reason: "response_truncated",
  },
  {
    title: "a backend that resets within the body",
    act: ({ backend }) => backend.far.socket.resetAndDestroy(),
    reason: "response_truncated",
  },
  {
    title: "a backend that is silent within the body",
    act: ({ clock }) => clock.advance(PATIENT_MS),
    reason: "response_truncated",
  },
  {
    title: "a client that resets",
    act: ({ client }) => client.far.socket.resetAndDestroy(),
    reason: "client_aborted_in_relay",
  },
  {
    title: "a client that rws closes",
    act: ({ client }) => client.peer.close(new SessionEnd("drain_timeout")),
    reason: "drain_timeout",
  },
]
for (const { title, act, reason } of failing) {
  t.test(`${title} ends the relay (${reason}), with both sides gone`, async (t) => {
    const pair = await connect(t)
    const clock = new FakeClock()
    const answer = answerOf("Content-Length: 5")
    const relaying = relayTo(pair.client.peer, pair.backend.peer, answer, PATIENT_MS, clock)
    const failure = reasonOf(relaying)
    pair.backend.far.write("hel")
    await pair.client.far.untilText("hel")
    act({ ...pair, clock })
    t.equal(await failure, reason)
    t.equal(pair.client.peer.socket.destroyed, true)
    t.equal(pair.backend.peer.socket.destroyed, true)
    t.equal(clock.pending, 0, "no timer is left")
    if (reason !== "client_aborted_in_relay") t.equal(await wasReset(pair.client.far), true)
  })
}

t.test("a steady slow reader gets a large body whole, however long it takes", async (t) => {
  const { client, backend } = await connect(t)
  const body = randomBytes(20 * MB)
  const clock = new FakeClock()
  const answer = answerOf(`Content-Length: ${body.length}`)
  const relaying = relayTo(client.peer, backend.peer, answer, STALL_MS, clock)
  await client.far.untilText("\r\n\r\n")
  const meter = new Meter(client.far)
  readSteadily(client.far, BYTES_PER_MS, clock)
  backend.far.write(body)
  await relaying
  t.ok(clock.nowMs() > STALL_MS, "it took longer than the timeout")
  t.equal(client.peer.socket.writableLength, 0, "the kernel has taken all of it")
  await meter.untilBytes(body.length)
  t.equal(meter.digest(), createHash("sha256").update(body).digest("hex"))
})

t.test("a client that stops reading a large body is aborted, and the backend is not blamed", async (t) => {
  const { client, backend } = await connect(t)
  const clock = new FakeClock()
  const answer = answerOf(`Content-Length: ${20 * MB}`)
  const relaying = relayTo(client.peer, backend.peer, answer, PATIENT_MS, clock)
  const failure = reasonOf(relaying)
  await client.far.untilText("\r\n\r\n")
  client.far.socket.pause()
  backend.far.write(Buffer.alloc(20 * MB))
  await untilStalled(backend.far.socket)
  clock.advance(3 * PATIENT_MS - 1)
  t.equal(client.peer.hasAborted, false, "three timeouts are allowed")
  clock.advance(1)
  t.equal(await failure, "client_aborted_in_relay")
  client.far.socket.removeAllListeners("data").resume()
  t.equal(await wasReset(client.far), true)
})

t.test("a response counts as relayed only once the kernel has taken all of it", async (t) => {
  const { client, backend } = await connect(t)
  client.far.socket.pause()
  client.peer.socket.write(Buffer.alloc(20 * MB))
  await untilStalled(client.peer.socket)
  let isOver = false
  const relaying = relayTo(client.peer, backend.peer, answerOf("Content-Length: 5"), PATIENT_MS)
  void relaying.then(() => {
    isOver = true
  })
  backend.far.write("hello")
  await turnUntil(() => backend.peer.socket.destroyed, "the end of the body")
  await nextTurn()
  t.equal(isOver, false)
  const meter = new Meter(client.far)
  client.far.socket.resume()
  await relaying
  t.equal(client.peer.socket.writableLength, 0)
  client.peer.socket.end()
  await client.far.untilEnd()
  t.ok(meter.bytes > 20 * MB)
})

t.test("a body with invalid chunks ends in a reset", async (t) => {
  const { client, backend } = await connect(t)
  const answer = answerOf("Transfer-Encoding: chunked")
  const failure = reasonOf(relayTo(client.peer, backend.peer, answer, PATIENT_MS))
  backend.far.write("5\r\nhello\r\n")
  await client.far.untilText("hello")
  backend.far.write("no length\r\n")
  t.equal(await failure, "response_truncated")
  t.equal(await wasReset(client.far), true)
})
