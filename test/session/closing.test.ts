import { randomBytes } from "node:crypto"
import t, { type Test } from "tap"
import { SessionEnd } from "../../lib/close-reason.js"
import { toSettings } from "../../lib/config/load.js"
import { CLOSING_MS } from "../../lib/session/closing.js"
import { Tunnel } from "../../lib/session/tunnel.js"
import { FakeClock } from "../support/clock/fake-clock.js"
import { BINARY, closeFrameOf, codeOfClose, frame } from "../support/peers/frames.js"
import { acceptPeer, type ConnectionEnds, dialPeer } from "../support/peers/peers.js"
import { untilStalled } from "../support/peers/stalled.js"
import { securePeer } from "../support/peers/tls-backend.js"
import { wasReset } from "../support/peers/was-reset.js"
import { turnUntil } from "../support/pool/turns.js"
import { HandSweep } from "../support/program/hand-sweep.js"
import { between, seededRandom } from "../support/project/random.js"
import { settled } from "../support/project/settled.js"

const END = new SessionEnd("drain_timeout")
const TO_CLIENT = 1012
const TO_BACKEND = 1001
const CLOSE_TO_CLIENT_BYTES = 4
const CLOSE_TO_BACKEND_BYTES = 8

interface Running {
  readonly tunnel: Tunnel
  readonly client: ConnectionEnds
  readonly backend: ConnectionEnds
  readonly end: Promise<SessionEnd>
  /** Advances the time to the end of the closing handshake. */
  expire(): void
}

interface Parts {
  readonly backend?: ConnectionEnds
  readonly keys?: { readonly [key: string]: number | boolean }
}

/** A tunnel with Close frames. */
async function start(t: Test, { backend: given, keys = {} }: Parts = {}): Promise<Running> {
  const client = await acceptPeer(t)
  const backend = given ?? (await dialPeer(t))
  const [settings] = toSettings({
    ws_proxy: [{ bind: "127.0.0.1:0", backends: ["127.0.0.1:1"], close_frames: true, ...keys }],
  }).ws_proxy
  if (settings === undefined) throw new Error("no listener")
  const clock = new FakeClock(1_000_000)
  const sweep = new HandSweep()
  return new Promise((started) => {
    const end = new Promise<SessionEnd>((onEnd) => {
      const tunnel = new Tunnel(client.peer, backend.peer, settings, { sweep, clock }, { finish: onEnd })
      tunnel.start()
      const expire = () => {
        clock.advance(CLOSING_MS)
        sweep.look(clock.nowMs())
      }
      process.nextTick(() => started({ tunnel, client, backend, end, expire }))
    })
  })
}

/** Sends bytes through and waits until they have arrived. */
async function pass(from: ConnectionEnds, to: ConnectionEnds, bytes: Buffer): Promise<void> {
  const before = to.far.received.length
  from.far.write(bytes)
  await to.far.untilBytes(before + bytes.length)
}

const backends: readonly { title: string; connect: (t: Test) => Promise<ConnectionEnds> }[] = [
  { title: "a TCP backend", connect: dialPeer },
  { title: "a TLS backend", connect: (t) => securePeer(t) },
]

for (const { title, connect } of backends) {
  t.test(`both peers get a Close frame, reply, and get a FIN: with ${title}`, async (t) => {
    const running = await start(t, { backend: await connect(t) })
    const { tunnel, client, backend, end } = running
    const message = frame({ payload: randomBytes(70_000), masked: true })
    await pass(client, backend, message)
    await pass(backend, client, frame({ payload: Buffer.from("hello") }))
    tunnel.close(END)
    await client.far.untilBytes(7 + CLOSE_TO_CLIENT_BYTES)
    await backend.far.untilBytes(message.length + CLOSE_TO_BACKEND_BYTES)
    t.equal(codeOfClose(client.far.received.subarray(7)), TO_CLIENT)
    const toBackend = backend.far.received.subarray(message.length)
    t.equal(codeOfClose(toBackend), TO_BACKEND)
    t.equal(toBackend.readUInt8(1) & 0x80, 0x80, "masked")
    t.equal(client.far.ended, false, "its reply is awaited")

    client.far.write(closeFrameOf(TO_CLIENT, true))
    await client.far.untilEnd()
    t.equal(backend.far.ended, false, "each peer replies for itself")
    backend.far.write(closeFrameOf(TO_BACKEND))
    await backend.far.untilEnd()
    for (const { far } of [client, backend]) far.socket.end()
    t.equal((await end).reason, "drain_timeout")
    for (const { far } of [client, backend]) {
      await far.untilClosed()
      t.equal(far.error, undefined)
    }
    t.equal(client.far.received.length, 7 + CLOSE_TO_CLIENT_BYTES, "no byte more")
    t.equal(backend.far.received.length, message.length + CLOSE_TO_BACKEND_BYTES)
  })
}

t.test("the codes of the Close frames can be configured", async (t) => {
  const running = await start(t, { keys: { client_close_code: 4000, backend_close_code: 1000 } })
  running.tunnel.close(END)
  await running.client.far.untilBytes(CLOSE_TO_CLIENT_BYTES)
  await running.backend.far.untilBytes(CLOSE_TO_BACKEND_BYTES)
  t.equal(codeOfClose(running.client.far.received), 4000)
  t.equal(codeOfClose(running.backend.far.received), 1000)
})

const SIDES = [
  { one: "client", other: "backend", masked: true },
  { one: "backend", other: "client", masked: false },
] as const

for (const { one, other, masked } of SIDES) {
  const closeBytes = other === "client" ? CLOSE_TO_CLIENT_BYTES : CLOSE_TO_BACKEND_BYTES

  t.test(`a frame of the ${one} is finished before the ${other} gets its Close frame`, async (t) => {
    const running = await start(t)
    const [sender, reader] = [running[one], running[other]]
    const whole = frame({ payload: randomBytes(1000), masked })
    await pass(sender, reader, whole.subarray(0, 3))
    running.tunnel.close(END)
    await pass(sender, reader, whole.subarray(3, 500))
    t.equal(reader.far.received.length, 500, "no Close frame yet")
    sender.far.write(Buffer.concat([whole.subarray(500), frame({ payload: randomBytes(50), masked })]))
    await reader.far.untilBytes(whole.length + closeBytes)
    t.ok(reader.far.received.subarray(0, whole.length).equals(whole))
    t.type(codeOfClose(reader.far.received.subarray(whole.length)), "number")
    for (const { far } of [sender, reader]) far.socket.end()
    await running.end
    t.equal(reader.far.received.length, whole.length + closeBytes, "nothing behind it")
  })

  t.test(`a frame of the ${one} that never ends is cut by a reset of the ${other}`, async (t) => {
    const running = await start(t)
    const [sender, reader] = [running[one], running[other]]
    const part = frame({ payload: randomBytes(1000), masked }).subarray(0, 600)
    await pass(sender, reader, part)
    running.tunnel.close(END)
    await sender.far.until(({ received }) => received.length > 0)
    running.expire()
    t.equal((await running.end).reason, "drain_timeout")
    t.equal(await wasReset(reader.far), true)
    t.ok(reader.far.received.equals(part), "no Close frame within the frame")
  })

  t.test(`a Close frame of the ${one} that has gone by is the only one the ${other} gets`, async (t) => {
    const running = await start(t)
    const [sender, reader] = [running[one], running[other]]
    const close = closeFrameOf(1000, masked)
    await pass(sender, reader, close)
    running.tunnel.close(END)
    await sender.far.until(({ received }) => received.length > 0)
    await sender.far.untilEnd()
    t.equal(reader.far.ended, false)
    reader.far.write(closeFrameOf(1000, !masked))
    await reader.far.untilEnd()
    for (const { far } of [sender, reader]) far.socket.end()
    await running.end
    t.ok(reader.far.received.equals(close))
  })

  t.test(`a ${one} that does not reply gets its FIN at the deadline`, async (t) => {
    const running = await start(t)
    const [silent, polite] = [running[one], running[other]]
    running.tunnel.close(END)
    await polite.far.until(({ received }) => received.length > 0)
    polite.far.socket.end(closeFrameOf(1000, !masked))
    await polite.far.untilEnd()
    await silent.far.until(({ received }) => received.length > 0)
    t.equal(await settled(running.end), false)
    t.equal(silent.far.ended, false)
    running.expire()
    t.equal((await running.end).reason, "drain_timeout")
    await silent.far.untilEnd()
    t.equal(await wasReset(silent.far), false)
  })

  t.test(`what the ${one} sends once the ${other} has its Close frame goes nowhere`, async (t) => {
    const running = await start(t)
    const [sender, reader] = [running[one], running[other]]
    running.tunnel.close(END)
    await reader.far.untilBytes(closeBytes)
    for (let i = 0; i < 100; i++) sender.far.write(frame({ payload: randomBytes(10_000), masked }))
    sender.far.write(closeFrameOf(1000, masked))
    await sender.far.untilEnd()
    t.equal(reader.far.received.length, closeBytes)
    for (const { far } of [sender, reader]) far.socket.end()
    await running.end
  })

  t.test(`a ${one} that breaks during the closing handshake leaves the ${other} its time`, async (t) => {
    const running = await start(t)
    const [broken, left] = [running[one], running[other]]
    running.tunnel.close(END)
    await broken.far.until(({ received }) => received.length > 0)
    await left.far.untilBytes(closeBytes)
    broken.far.socket.resetAndDestroy()
    await turnUntil(() => broken.peer.socket.destroyed, "the reset")
    t.equal(left.far.ended, false)
    left.far.write(closeFrameOf(1000, !masked))
    await left.far.untilEnd()
    left.far.socket.end()
    t.equal((await running.end).reason, "drain_timeout")
    await left.far.untilClosed()
    t.equal(left.far.error, undefined)
  })

  t.test(`a ${one} that breaks within a frame resets the ${other}`, async (t) => {
    const running = await start(t)
    const [broken, left] = [running[one], running[other]]
    await pass(broken, left, frame({ payload: randomBytes(100), masked }).subarray(0, 50))
    running.tunnel.close(END)
    await broken.far.until(({ received }) => received.length > 0)
    broken.far.socket.resetAndDestroy()
    t.equal((await running.end).reason, "drain_timeout")
    t.equal(await wasReset(left.far), true)
  })

  t.test(`a ${one} that has half-closed before still gets its Close frame`, async (t) => {
    const running = await start(t)
    const [closed, open] = [running[one], running[other]]
    closed.far.socket.end()
    await open.far.untilEnd()
    running.tunnel.close(END)
    await closed.far.until(({ received }) => received.length > 0)
    await closed.far.untilEnd()
    t.equal(open.far.received.length, 0, "behind a FIN nothing can come")
    open.far.socket.end()
    t.equal((await running.end).reason, "drain_timeout")
  })

  t.test(`a ${one} that reads nothing is reset at the deadline`, async (t) => {
    const running = await start(t)
    const [reader, sender] = [running[one], running[other]]
    reader.far.socket.pause()
    const chunk = frame({ payload: Buffer.alloc(100_000), masked: !masked })
    for (let i = 0; i < 100; i++) sender.far.write(chunk)
    await untilStalled(sender.far.socket)
    running.tunnel.close(END)
    running.expire()
    t.equal((await running.end).reason, "drain_timeout")
    reader.far.socket.removeAllListeners("data").resume()
    t.equal(await wasReset(reader.far), true)
  })
}

t.test("a cut sends the Close frames, but awaits no reply", async (t) => {
  const { tunnel, client, backend, end } = await start(t)
  await pass(client, backend, frame({ masked: true }))
  tunnel.cut(END)
  t.equal((await end).reason, "drain_timeout")
  await Promise.all([client.far.untilEnd(), backend.far.untilEnd()])
  t.equal(codeOfClose(client.far.received), TO_CLIENT)
  t.equal(codeOfClose(backend.far.received.subarray(6)), TO_BACKEND)
})

t.test("a cut during the closing handshake ends it at once, with its first reason", async (t) => {
  const { tunnel, client, backend, end } = await start(t)
  tunnel.close(new SessionEnd("max_lifetime"))
  tunnel.close(END)
  tunnel.cut(END)
  t.equal((await end).reason, "max_lifetime")
  await Promise.all([client.far.untilEnd(), backend.far.untilEnd()])
  t.equal(client.far.received.length, CLOSE_TO_CLIENT_BYTES, "one Close frame")
  t.equal(backend.far.received.length, CLOSE_TO_BACKEND_BYTES)
})

for (const seed of [1, 2, 3]) {
  t.test(`every byte arrives as it was sent while the cursor runs (seed ${seed})`, async (t) => {
    const random = seededRandom(seed)
    const { tunnel, client, backend, end } = await start(t)
    const flows = [
      { from: client.far, to: backend.far, masked: true, closeBytes: CLOSE_TO_BACKEND_BYTES },
      { from: backend.far, to: client.far, masked: false, closeBytes: CLOSE_TO_CLIENT_BYTES },
    ].map((flow) => {
      const frames = Array.from({ length: 100 }, () =>
        frame({ opcode: BINARY, payload: randomBytes(between(random, 0, 20_000)), masked: flow.masked }),
      )
      return { ...flow, stream: Buffer.concat(frames) }
    })
    for (const { from, stream } of flows) {
      for (let at = 0; at < stream.length; ) {
        const piece = stream.subarray(at, at + between(random, 1, 50_000))
        from.write(piece)
        at += piece.length
      }
    }
    // Begins somewhere in the middle for one of the seeds, and behind the last byte for the others.
    if (seed > 1) await Promise.all(flows.map(({ to, stream }) => to.untilBytes(stream.length)))
    else await Promise.all(flows.map(({ to }) => to.untilBytes(1)))
    tunnel.close(END)
    for (const { to, stream, closeBytes } of flows) {
      await to.until(({ received }) => endsWithClose(received, closeBytes))
      const passed = to.received.subarray(0, -closeBytes)
      t.ok(passed.equals(stream.subarray(0, passed.length)))
      if (seed > 1) t.equal(passed.length, stream.length)
    }
    for (const { far } of [client, backend]) far.socket.end()
    t.equal((await end).reason, "drain_timeout")
  })
}

/** Random payloads may look like a Close frame, but not with the right code and at the end of a stream. */
function endsWithClose(received: Buffer, bytes: number): boolean {
  const last = received.subarray(-bytes)
  if (last.length < bytes || last[0] !== 0x88) return false
  return codeOfClose(last) === (bytes === CLOSE_TO_CLIENT_BYTES ? TO_CLIENT : TO_BACKEND)
}
