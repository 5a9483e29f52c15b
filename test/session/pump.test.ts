import { createHash, randomBytes } from "node:crypto"
import { setImmediate as nextTurn } from "node:timers/promises"
import t, { type Test } from "tap"
import type { Connection } from "../../lib/net/connection.js"
import { Pump } from "../../lib/session/pump.js"
import { startBackend } from "../support/peers/backend.js"
import { dribble } from "../support/peers/dribble.js"
import { openAnother } from "../support/peers/open-pair.js"
import { acceptPeer, type ConnectionEnds, dialPeer } from "../support/peers/peers.js"
import type { RawPeer } from "../support/peers/raw-peer.js"
import { untilStalled } from "../support/peers/stalled.js"
import { securePeer } from "../support/peers/tls-backend.js"
import { turnUntil } from "../support/pool/turns.js"
import { Meter } from "../support/program/meter.js"
import { startProxy } from "../support/program/proxy.js"
import { between, type Random, seededRandom } from "../support/project/random.js"

const KiB = 1024
const MB = 1_000_000
const READ_BYTES = 64 * KiB
/** More than fit under Node's default high-water marks. */
const MANY_CHUNKS = 20 * KiB

/** The calls of a pump to its tunnel. */
type Told = { readonly call: "end" | "close"; readonly reason: string; readonly error?: Error | undefined }

function pumpBetween(from: Connection, to: Connection): { pump: Pump; told: Told[] } {
  const told: Told[] = []
  const ends = {
    onEnd: (reason: string, peer: Connection) => {
      if (peer !== to) throw new Error("the wrong peer")
      told.push({ call: "end", reason })
    },
    onClose: (reason: string, peer: Connection, error?: Error) => {
      if (peer !== to) throw new Error("the wrong peer")
      told.push({ call: "close", reason, error })
    },
  }
  return { pump: new Pump(from, to, ends, "backend_fin", "backend_reset"), told }
}

/** A buffer of random bytes as long as the pieces that are drawn from it. */
function pieces(random: Random, total: number): Buffer[] {
  const all = randomBytes(total)
  const cut: Buffer[] = []
  for (let at = 0; at < total; ) {
    const size = random() < 0.5 ? between(random, 1, 300) : between(random, 1, READ_BYTES)
    cut.push(all.subarray(at, at + size))
    at += size
  }
  return cut
}

/** Passes a piece to a pump as a lending connection does: in a buffer that is overwritten afterwards. */
function lend(pump: Pump, piece: Buffer): void {
  READ.set(piece)
  pump.onBytes(READ.subarray(0, piece.length))
  READ.fill("#")
}
const READ = Buffer.alloc(READ_BYTES)

for (const seed of [1, 2, 3]) {
  t.test(`lent bytes arrive unchanged, with and without a backlog (seed ${seed})`, async (t) => {
    const random = seededRandom(seed)
    const from = await dialPeer(t)
    const readers = await Promise.all(Array.from({ length: 4 }, () => acceptPeer(t)))
    // Two readers start only after everything has been written, two read as fast as they can.
    for (const { far } of readers.slice(0, 2)) far.socket.pause()
    const ways = readers.map(({ peer, far }) => ({
      pump: pumpBetween(from.peer, peer).pump,
      sent: pieces(random, 8 * MB + between(random, 0, 1000)),
      socket: peer.socket,
      meter: new Meter(far),
    }))
    for (let at = 0; ways.some(({ sent }) => at < sent.length); at++) {
      for (const { pump, sent } of ways) {
        const piece = sent[at]
        if (piece !== undefined) lend(pump, piece)
      }
      if (at % 10 === 0) await nextTurn()
    }
    for (const { socket } of ways.slice(0, 2)) t.ok(socket.writableLength > 0, "there is a backlog")
    for (const { meter, sent, socket } of ways) {
      socket.end()
      meter.peer.socket.resume()
      await meter.peer.untilEnd()
      t.equal(meter.digest(), hashOf(sent))
    }
  })
}

t.test("lent bytes that the kernel takes at once leave no backlog and do not pause the sender", async (t) => {
  const from = await dialPeer(t)
  const to = await acceptPeer(t)
  const { pump } = pumpBetween(from.peer, to.peer)
  for (const size of [1, 1000, READ_BYTES]) {
    const piece = randomBytes(size)
    const before = to.far.received.length
    lend(pump, piece)
    t.equal(to.peer.socket.writableLength, 0)
    t.equal(from.peer.socket.isPaused(), false, `${size} bytes do not stop the sender`)
    await to.far.untilBytes(before + size)
    t.ok(to.far.received.subarray(before).equals(piece))
  }
})

const directions: readonly {
  title: string
  from: (t: Test) => Promise<ConnectionEnds>
  to: (t: Test) => Promise<ConnectionEnds>
}[] = [
  { title: "from a backend to a client", from: dialPeer, to: acceptPeer },
  { title: "from a client to a backend", from: acceptPeer, to: dialPeer },
  { title: "from a TLS backend to a client", from: (t) => securePeer(t), to: acceptPeer },
  { title: "from a client to a TLS backend", from: acceptPeer, to: (t) => securePeer(t) },
]

for (const { title, from: connectFrom, to: connectTo } of directions) {
  const connect = async (t: Test) => {
    const from = await connectFrom(t)
    const to = await connectTo(t)
    return { from, to, forth: pumpBetween(from.peer, to.peer), back: pumpBetween(to.peer, from.peer) }
  }

  t.test(`${title}, a backlog pauses the sender until it has been written out`, async (t) => {
    const { from, to, forth, back } = await connect(t)
    to.far.socket.pause()
    from.peer.attach(forth.pump)
    to.peer.attach(back.pump)
    const sent = randomBytes(20 * MB)
    from.far.socket.end(sent)
    await turnUntil(() => from.peer.socket.isPaused(), "a pause")
    t.ok(to.peer.socket.writableLength > 0, "because there is a backlog")
    await untilStalled(from.far.socket)
    t.ok(from.far.socket.writableLength > 0, "the sender has been stopped")
    t.ok(
      to.peer.socket.writableLength <= 4 * READ_BYTES,
      `${to.peer.socket.writableLength} bytes wait in our memory`,
    )
    const meter = new Meter(to.far)
    to.far.socket.resume()
    await turnUntil(() => from.peer.ended, "the end")
    t.same(forth.told, [{ call: "end", reason: "backend_fin" }])
    to.peer.socket.end()
    await to.far.untilEnd()
    t.equal(meter.bytes, sent.length)
    t.same(back.told, [])
  })

  t.test(`${title}, more bytes than one read holds may have arrived before the pump`, async (t) => {
    const { from, to, forth } = await connect(t)
    const meter = new Meter(to.far)
    const sent = randomBytes(20 * MB)
    from.far.write(sent.subarray(0, 10))
    await turnUntil(() => from.peer.stageBytes === 10, "the first bytes")
    from.far.socket.end(sent.subarray(10))
    await untilStalled(from.far.socket)
    t.ok(from.peer.stageBytes > READ_BYTES, `${from.peer.stageBytes} bytes`)
    from.peer.attach(forth.pump)
    to.peer.attach(pumpBetween(to.peer, from.peer).pump)
    await turnUntil(() => from.peer.ended, "the end")
    to.peer.socket.end()
    await to.far.untilEnd()
    t.equal(meter.digest(), hashOf([sent]))
  })

  t.test(`${title}, replayed bytes that fill a slow reader's buffers pause the sender too`, async (t) => {
    const { from, to, forth } = await connect(t)
    to.far.socket.pause()
    to.peer.socket.write(Buffer.alloc(20 * MB))
    await untilStalled(to.peer.socket)
    const before = to.peer.socket.writableLength
    t.ok(before > 0)
    from.far.write(Buffer.alloc(20 * MB))
    await untilStalled(from.far.socket)
    from.peer.attach(forth.pump)
    await untilStalled(from.far.socket)
    t.ok(from.peer.socket.isPaused())
    t.ok(to.peer.socket.writableLength - before <= 4 * READ_BYTES)
  })

  t.test(`${title}, a few one-byte chunks after a backlog pause the sender`, async (t) => {
    const { from, to, forth, back } = await connect(t)
    to.far.socket.pause()
    from.peer.attach(forth.pump)
    to.peer.attach(back.pump)
    const meter = new Meter(to.far)
    const before = from.peer.socket.bytesRead
    let sent = 0
    while (to.peer.socket.writableLength === 0) {
      from.far.write(Buffer.alloc(KiB))
      sent += KiB
      await turnUntil(() => from.peer.socket.bytesRead === before + sent, "a read")
      await untilStalled(to.peer.socket)
    }
    const backlog = to.peer.socket.writableLength
    await dribble(from.far, Buffer.alloc(MANY_CHUNKS))
    const queued = to.peer.socket.writableLength - backlog
    t.ok(queued <= 1, `${queued} chunks wait behind the backlog`)
    const unread = from.peer.socket.readableLength
    t.ok(unread <= KiB, `${unread} chunks that have been read wait for the pump`)
    to.far.socket.resume()
    await meter.untilBytes(sent + MANY_CHUNKS)
    t.equal(from.peer.socket.isPaused(), false, "it continues once the backlog has been written out")
  })

  t.test(`${title}, a pump reports how its sender has closed`, async (t) => {
    const broken = new Error("broken")
    const first = await connect(t)
    first.from.peer.attach(first.forth.pump)
    first.from.peer.socket.destroy(broken)
    await turnUntil(() => first.forth.told.length > 0, "the close")
    t.same(first.forth.told, [{ call: "close", reason: "backend_reset", error: broken }])

    const second = await connect(t)
    second.from.peer.attach(second.forth.pump)
    second.from.far.socket.end()
    await turnUntil(() => second.forth.told.length > 0, "the FIN")
    second.from.peer.socket.end()
    await turnUntil(() => second.forth.told.length > 1, "the close")
    t.same(second.forth.told, [
      { call: "end", reason: "backend_fin" },
      { call: "close", reason: "backend_fin", error: undefined },
    ])
  })
}

function hashOf(sent: readonly Buffer[]): string {
  const hash = createHash("sha256")
  for (const piece of sent) hash.update(piece)
  return hash.digest("hex")
}

/** Reads nothing for a few turns of the event loop after each piece. */
function readSlowly({ socket }: RawPeer, random: Random): void {
  const rest = (turns: number) => {
    if (turns > 0) setImmediate(rest, turns - 1)
    else socket.resume()
  }
  socket.on("data", () => {
    socket.pause()
    rest(between(random, 1, 8))
  })
}

t.test(
  "many tunnels with slow and fast readers share the buffers without losing or mixing bytes",
  async (t) => {
    const TUNNELS = 20
    const server = await startBackend(t)
    const proxy = await startProxy(t, { backends: [server.address] })
    const random = seededRandom(20)
    const ways: { sender: RawPeer; meter: Meter; sent: Buffer[] }[] = []
    for (let number = 0; number < TUNNELS; number++) {
      const { client, backend } = await openAnother(proxy, server)
      const meters = { client: new Meter(client), backend: new Meter(backend) }
      if (number % 4 === 1 || number % 4 === 3) readSlowly(client, random)
      if (number % 4 === 2 || number % 4 === 3) readSlowly(backend, random)
      ways.push({ sender: client, meter: meters.backend, sent: pieces(random, between(random, 1, 3 * MB)) })
      ways.push({ sender: backend, meter: meters.client, sent: pieces(random, between(random, 1, 3 * MB)) })
    }
    const last = Math.max(...ways.map(({ sent }) => sent.length))
    for (let at = 0; at <= last; at++) {
      for (const { sender, sent } of ways) {
        const piece = sent[at]
        if (piece !== undefined) sender.socket.write(piece)
        else if (at === sent.length) sender.socket.end()
      }
      await nextTurn()
    }
    await Promise.all(ways.map(({ meter }) => meter.peer.untilEnd()))
    const expected = ways.map(({ sent }) => hashOf(sent))
    t.same(
      ways.map(({ meter }) => meter.digest()),
      expected,
    )
  },
)
