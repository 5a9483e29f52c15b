import { randomBytes } from "node:crypto"
import { once } from "node:events"
import t, { type Test } from "tap"
import { Connection } from "../../lib/net/connection.js"
import { acceptPeer, dialPeer, PEER_KINDS, untilGone } from "../support/peers/peers.js"
import { RecordingHandler } from "../support/peers/recording-handler.js"
import { untilStalled } from "../support/peers/stalled.js"
import { securePeer } from "../support/peers/tls-backend.js"
import { startUnansweringPort } from "../support/peers/unanswering-port.js"
import { wasReset } from "../support/peers/was-reset.js"
import { turnUntil } from "../support/pool/turns.js"
import { Meter } from "../support/program/meter.js"

const KiB = 1024
const MB = 1_000_000
/** The limit of the replay buffer, and what reads in flight may add to it. */
const REST_BYTES = 64 * KiB
const READS_UNDER_WAY = 2 * 64 * KiB
const END = new Error("the end of the test")

const VERSIONS = ["TLSv1.2", "TLSv1.3"] as const
const TLS_KINDS = VERSIONS.map((version) => ({
  title: `a peer dialled with ${version}`,
  connect: (t: Test) => securePeer(t, { minVersion: version, maxVersion: version }),
}))

for (const { title, connect } of [...PEER_KINDS, ...TLS_KINDS]) {
  const untilRead = (peer: Connection, length: number) =>
    turnUntil(() => peer.socket.bytesRead >= length, `${length} bytes read`)
  const isUnix = title.includes("Unix")

  t.test(`${title} buffers what arrives without a handler, for the next one`, async (t) => {
    const { peer, far } = await connect(t)
    far.write("one ")
    await untilRead(peer, 4)
    far.write("two ")
    await untilRead(peer, 8)
    const handler = new RecordingHandler()
    peer.attach(handler)
    t.equal(handler.text, "one two ", "replayed within the call")
    far.write("three")
    await handler.untilBytes(13)
    t.equal(handler.text, "one two three")
    t.same(handler.calls, ["bytes"])
  })

  t.test(`${title} passes bytes, then FIN, then the close to its handler, once each`, async (t) => {
    const { peer, far } = await connect(t)
    const handler = new RecordingHandler()
    peer.attach(handler)
    far.socket.end("bytes")
    await handler.until("end")
    t.equal(peer.ended, true)
    peer.socket.end()
    await handler.until("close")
    t.same(handler.calls, ["bytes", "end", "close"])
    t.equal(handler.error, undefined)
  })

  t.test(`${title} replays bytes and FIN to a later handler`, async (t) => {
    const { peer, far } = await connect(t)
    far.socket.end("late")
    await once(peer.socket, "end")
    const handler = new RecordingHandler()
    peer.attach(handler)
    t.same(handler.calls, ["bytes", "end"])
    t.equal(handler.text, "late")
  })

  t.test(`${title} replays bytes, FIN and close to a handler attached after the close`, async (t) => {
    const { peer, far } = await connect(t)
    far.socket.end("late")
    await once(peer.socket, "end")
    peer.socket.end()
    await untilGone(peer)
    const handler = new RecordingHandler()
    peer.attach(handler)
    t.same(handler.calls, ["bytes", "end", "close"])
    t.equal(handler.error, undefined)
  })

  t.test(`${title} replays the error that it closed with`, async (t) => {
    const { peer } = await connect(t)
    peer.close(END)
    await untilGone(peer)
    const handler = new RecordingHandler()
    peer.attach(handler)
    t.same(handler.calls, ["close"])
    t.equal(handler.error, END)
  })

  t.test(`${title} replays a stage's unread bytes to the next one, before later bytes`, async (t) => {
    const { peer, far } = await connect(t)
    const first = new RecordingHandler()
    peer.attach(first)
    far.write("head|rest ")
    await first.untilBytes(10)
    peer.detach(first.bytes.subarray(5))
    t.equal(peer.stageBytes, 5, "which counts for the next stage")
    far.write("and more")
    await untilRead(peer, 18)
    const second = new RecordingHandler()
    peer.attach(second)
    t.equal(second.text, "rest and more")
    t.equal(first.text, "head|rest ", "the first handler gets nothing more")
    t.equal(peer.stageBytes, 13)
  })

  t.test(`${title} loses nothing when it is detached without a handler`, async (t) => {
    const { peer, far } = await connect(t)
    far.write("kept")
    await untilRead(peer, 4)
    peer.detach()
    const handler = new RecordingHandler()
    peer.attach(handler)
    t.equal(handler.text, "kept")
    t.equal(peer.stageBytes, 4)
  })

  t.test(`${title} may change its handler at every chunk`, async (t) => {
    const { peer, far } = await connect(t)
    const text = "0123456789"
    far.write(text)
    await untilRead(peer, text.length)
    for (let at = 0; at < text.length; at++) {
      const handler = new RecordingHandler()
      peer.attach(handler)
      t.equal(handler.text, text.slice(at))
      t.equal(peer.stageBytes, text.length - at)
      peer.detach(handler.bytes.subarray(1))
    }
  })

  t.test(`a handler of ${title} that detaches gets nothing more, the next one does`, async (t) => {
    const { peer, far } = await connect(t)
    far.socket.end("head|rest")
    await once(peer.socket, "end")
    const after: string[] = []
    peer.attach({
      onBytes: (bytes) => peer.detach(Buffer.from(bytes.subarray(5))),
      onEnd: () => after.push("end"),
      onDrain() {},
      onClose: () => after.push("close"),
    })
    t.same(after, [], "the first handler has detached within onBytes")
    const next = new RecordingHandler()
    peer.attach(next)
    t.same(next.calls, ["bytes", "end"])
    t.equal(next.text, "rest")
  })

  t.test(
    `${title} stops reading when its replay buffer is full, and continues where it stopped`,
    async (t) => {
      const { peer, far } = await connect(t)
      const sent = randomBytes(20 * MB + 7)
      far.socket.end(sent)
      await untilStalled(far.socket)
      t.ok(far.socket.writableLength > 0, "the sender has been stopped")
      t.ok(peer.stageBytes >= REST_BYTES)
      t.ok(peer.stageBytes <= REST_BYTES + READS_UNDER_WAY, `${peer.stageBytes} bytes were read`)
      const handler = new RecordingHandler()
      peer.attach(handler)
      await handler.until("end")
      t.ok(handler.bytes.equals(sent))
      t.equal(peer.stageBytes, sent.length)
    },
  )

  t.test(`${title} that closes without a handler calls onAbort at once`, async (t) => {
    const { peer, far } = await connect(t)
    const leaves: (Error | undefined)[] = []
    peer.onAbort = (error) => leaves.push(error)
    t.equal(peer.hasAborted, false)
    far.socket.end("bytes")
    await once(peer.socket, "end")
    t.same(leaves, [undefined])
    t.equal(peer.hasAborted, true)
  })

  t.test(`${title} that rws closes without a handler calls onAbort with the error`, async (t) => {
    const { peer } = await connect(t)
    let leftWith: Error | undefined
    peer.onAbort = (error) => {
      leftWith = error
    }
    peer.close(END)
    t.equal(peer.hasAborted, true)
    await untilGone(peer)
    t.equal(leftWith, END)
  })

  t.test(`${title} that is closed again after it is gone calls onAbort once more`, async (t) => {
    const { peer } = await connect(t)
    const handler = new RecordingHandler()
    peer.attach(handler)
    peer.socket.destroy()
    await handler.until("close")
    const leaves: (Error | undefined)[] = []
    peer.onAbort = (error) => leaves.push(error)
    peer.close(END)
    t.same(leaves, [END], "the rest of its session is told")
    t.same(handler.calls, ["close"])
  })

  t.test(`${title} that closes while a handler is attached tells only the handler`, async (t) => {
    const { peer, far } = await connect(t)
    peer.onAbort = () => t.fail("onAbort was called")
    const handler = new RecordingHandler()
    peer.attach(handler)
    far.socket.end()
    await handler.until("end")
    peer.close(END)
    await handler.until("close")
    t.equal(handler.error, END)
  })

  t.test(`closing ${title} after everything has been written sends FIN`, async (t) => {
    const { peer, far } = await connect(t)
    const handler = new RecordingHandler()
    peer.attach(handler)
    peer.socket.write("last bytes")
    // TLS completes no write within the call: until the next turn it counts as pending.
    await turnUntil(() => peer.socket.writableLength === 0, "the end of the write")
    peer.close(END)
    await far.untilEnd()
    t.equal(far.text, "last bytes")
    if (!isUnix) t.equal(await wasReset(far), false)
    await handler.until("close")
    t.equal(handler.error, END)
  })

  t.test(`closing ${title} amid an unfinished message never looks like a clean end`, async (t) => {
    const { peer, far } = await connect(t)
    const handler = new RecordingHandler()
    peer.attach(handler)
    peer.socket.write("the first half")
    await far.untilText("the first half")
    peer.unfinished = true
    peer.close(END)
    if (!isUnix) t.equal(await wasReset(far), true)
    await handler.until("close")
    t.equal(handler.error, END)
  })

  t.test(`closing ${title} with pending writes resets it at once`, async (t) => {
    const { peer, far } = await connect(t)
    const handler = new RecordingHandler()
    peer.attach(handler)
    far.socket.pause()
    peer.socket.write(Buffer.alloc(20 * MB))
    await untilStalled(peer.socket)
    t.ok(peer.socket.writableLength > 0)
    peer.close(END)
    await handler.until("close")
    t.equal(handler.error, END)
    const meter = new Meter(far)
    far.socket.resume()
    if (!isUnix) t.equal(await wasReset(far), true)
    else await far.untilEnd()
    t.ok(meter.bytes < 20 * MB)
  })

  t.test(`resetting ${title} looks like ${isUnix ? "an end" : "a reset"} to the far end`, async (t) => {
    const { peer, far } = await connect(t)
    const handler = new RecordingHandler()
    peer.attach(handler)
    peer.reset(END)
    peer.reset(new Error("a second one"))
    await handler.until("close")
    t.equal(handler.error, END, "the first error counts")
    if (isUnix) await far.untilEnd()
    else t.equal(await wasReset(far), true)
  })

  t.test(`resetting ${title} while its FIN is being sent ends it`, async (t) => {
    const { peer, far } = await connect(t)
    const handler = new RecordingHandler()
    peer.attach(handler)
    peer.socket.end("bye")
    peer.reset(END)
    await handler.until("close")
    t.equal(handler.error, END)
    await far.until(({ ended, closed }) => ended || closed)
  })

  t.test(`resetting ${title} after its FIN has been sent ends it`, async (t) => {
    const { peer, far } = await connect(t)
    const handler = new RecordingHandler()
    peer.attach(handler)
    peer.socket.end("bye")
    await far.untilEnd()
    peer.reset(END)
    await handler.until("close")
    t.equal(handler.error, END)
  })

  t.test(`resetting ${title} whose FIN waits behind its bytes ends it`, async (t) => {
    const { peer, far } = await connect(t)
    const handler = new RecordingHandler()
    peer.attach(handler)
    far.socket.pause()
    peer.socket.end(Buffer.alloc(20 * MB))
    await untilStalled(peer.socket)
    peer.reset(END)
    await handler.until("close")
    t.equal(handler.error, END)
    const meter = new Meter(far)
    far.socket.resume()
    if (!isUnix) t.equal(await wasReset(far), true)
    t.ok(meter.bytes < 20 * MB)
  })

  t.test(`${title} that is gone may be closed and reset again`, async (t) => {
    const { peer } = await connect(t)
    const handler = new RecordingHandler()
    peer.attach(handler)
    peer.close(END)
    await handler.until("close")
    peer.close(new Error("too late"))
    peer.reset(new Error("too late"))
    t.equal(handler.error, END)
    t.same(handler.calls, ["close"])
  })

  t.test(`${title} calls onDrain once its backlog has been written out`, async (t) => {
    const { peer, far } = await connect(t)
    const handler = new RecordingHandler()
    peer.attach(handler)
    const meter = new Meter(far)
    peer.socket.write(Buffer.alloc(20 * MB))
    t.ok(peer.socket.writableLength > 0)
    await handler.until("drain")
    t.equal(peer.socket.writableLength, 0)
    await meter.untilBytes(20 * MB)
  })
}

for (const { title, connect } of [{ title: "an accepted peer", connect: acceptPeer }, ...TLS_KINDS]) {
  t.test(`${title} can be sent FIN first, and its late data still arrives`, async (t) => {
    const { peer, far } = await connect(t)
    const handler = new RecordingHandler()
    peer.attach(handler)
    peer.socket.write("bye")
    peer.end()
    await far.untilEnd()
    t.equal(far.text, "bye")
    far.socket.end("late")
    await handler.until("close")
    t.same(handler.calls, ["bytes", "end", "close"])
    t.equal(handler.text, "late")
    t.equal(handler.error, undefined)
  })

  t.test(`${title} that has sent FIN first gets our FIN after the last byte`, async (t) => {
    const { peer, far } = await connect(t)
    const handler = new RecordingHandler()
    peer.attach(handler)
    far.socket.end()
    await handler.until("end")
    peer.socket.write("late")
    await far.untilText("late")
    await turnUntil(() => peer.socket.writableLength === 0, "the end of the write")
    peer.end()
    await far.untilClosed()
    t.equal(far.text, "late")
    t.equal(far.error, undefined)
    await handler.until("close")
    t.equal(handler.error, undefined)
  })
}

for (const end of ["close", "reset"] as const) {
  t.test(`a ${end} of a connection that is still being dialled ends the dial`, async (t) => {
    const [host, port] = (await startUnansweringPort(t)).split(":")
    const peer = Connection.dialled({ host, port: Number(port) })
    const handler = new RecordingHandler()
    peer.attach(handler)
    peer[end](END)
    await handler.until("close")
    t.equal(handler.error, END)
    t.same(handler.calls, ["close"])
  })
}

t.test("replay buffers of dialled connections do not mix, although all read into one buffer", async (t) => {
  const connections = await Promise.all(Array.from({ length: 10 }, () => dialPeer(t)))
  const sent = connections.map(() => randomBytes(3000))
  for (const [index, { far }] of connections.entries()) far.write(sent[index] ?? "")
  for (const { peer } of connections) await turnUntil(() => peer.stageBytes === 3000, "a rest")
  for (const [index, { peer }] of connections.entries()) {
    const handler = new RecordingHandler()
    peer.attach(handler)
    t.ok(handler.bytes.equals(sent[index] ?? Buffer.alloc(0)))
  }
})

for (const { title, connect } of PEER_KINDS) {
  t.test(`${title} has the same listeners as any other, so that it retains no closure`, async (t) => {
    const [{ peer: one }, { peer: other }] = [await connect(t), await connect(t)]
    const listenersOf = ({ socket }: Connection) =>
      ["connect", "data", "end", "drain", "error", "close"].map((event) => socket.listeners(event))
    t.ok(listenersOf(one).flat().length >= 5)
    for (const [index, listeners] of listenersOf(one).entries()) {
      t.strictSame(listeners, listenersOf(other)[index])
      for (const [at, listener] of listeners.entries()) t.equal(listener, listenersOf(other)[index]?.[at])
    }
  })
}
