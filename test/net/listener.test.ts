import { createServer } from "node:net"
import { join } from "node:path"
import t, { type Test } from "tap"
import { type Address, formatAddress } from "../../lib/address/address.js"
import { SessionEnd } from "../../lib/close-reason.js"
import type { Connection } from "../../lib/net/connection.js"
import { Listener } from "../../lib/net/listener.js"
import { dribble } from "../support/peers/dribble.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { RecordingHandler } from "../support/peers/recording-handler.js"
import { socketFolder } from "../support/peers/socket-folder.js"
import { turnUntil } from "../support/pool/turns.js"

const LOOPBACK: Address = { kind: "tcp", host: "127.0.0.1", port: 0 }

/** A session that lasts until the test ends it. */
interface Session {
  readonly client: Connection
  readonly handler: RecordingHandler
  end(): void
}

interface Started {
  readonly listener: Listener
  readonly sessions: readonly Session[]
  connect(): Promise<{ far: RawPeer; session: Session }>
}

async function start(t: Test, address = LOOPBACK): Promise<Started> {
  const sessions: Session[] = []
  const listener = new Listener(
    { address },
    {
      onClient: (client) =>
        new Promise((end) => {
          const handler = new RecordingHandler()
          client.attach(handler)
          sessions.push({ client, handler, end })
        }),
      onFault: (error) => t.fail(error.message),
    },
  )
  await listener.listen()
  t.teardown(() => {
    for (const { client, end } of sessions) {
      client.socket.destroy()
      end()
    }
    return listener.drain(0)
  })
  return {
    listener,
    sessions,
    async connect() {
      const number = sessions.length
      const far = await RawPeer.connect(formatAddress(listener.address))
      await turnUntil(() => sessions.length > number, "the client")
      const session = sessions[number]
      if (session === undefined) throw new Error("no session")
      return { far, session }
    },
  }
}

/** Whether a promise has been settled, once all that was waiting to be done has been done. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false
  void promise.then(() => {
    settled = true
  })
  for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate)
  return settled
}

t.test("a listener says which port it was given", async (t) => {
  const { listener } = await start(t)
  t.match(formatAddress(listener.address), /^127\.0\.0\.1:[1-9]\d*$/)
})

t.test("a listener on a name tells its address", async (t) => {
  const { listener, connect } = await start(t, { kind: "tcp", host: "localhost", port: 0 })
  t.match(formatAddress(listener.address), /^(127\.0\.0\.1|\[::1\]):[1-9]\d*$/)
  t.equal((await connect()).session.client.hasAborted, false)
})

t.test("a listener on a Unix socket has the address that it was told", async (t) => {
  const path = join(socketFolder(t), "front.sock")
  const { listener, connect } = await start(t, { kind: "unix", path })
  t.same(listener.address, { kind: "unix", path })
  t.equal((await connect()).session.client.hasAborted, false)
})

t.test("a client's connection may be half-open, and its small packets do not wait", async (t) => {
  const { connect } = await start(t)
  const { far, session } = await connect()
  far.socket.end("ping")
  await session.handler.until("end")
  session.client.socket.write("pong")
  await far.untilText("pong")
  t.equal(session.client.socket.destroyed, false)
})

t.test("a paused client's one-byte packets do not pile up", async (t) => {
  const { connect } = await start(t)
  const { far, session } = await connect()
  session.client.socket.pause()
  await dribble(far, Buffer.alloc(100))
  const { readableLength } = session.client.socket
  t.ok(readableLength < 10, `${readableLength} bytes were read, and the kernel keeps the rest`)
  session.client.socket.resume()
  await session.handler.untilBytes(100)
})

t.test("a listener without clients is drained at once, as often as one likes", async (t) => {
  const { listener } = await start(t)
  await listener.drain(600_000)
  await listener.drain(600_000)
  await listener.drain(0)
})

t.test("a listener that has never listened can be drained", async () => {
  const listener = new Listener({ address: LOOPBACK }, { onClient: async () => {}, onFault() {} })
  await listener.drain(600_000)
})

t.test("a drain ends when the last session has, not when its socket is gone", async (t) => {
  const { listener, connect } = await start(t)
  const { far, session } = await connect()
  const drained = listener.drain(600_000)
  far.socket.end()
  session.client.socket.end()
  await session.handler.until("close")
  await far.untilClosed()
  t.equal(await isSettled(drained), false)
  session.end()
  await drained
})

t.test("a second drain shortens the wait of the first, and both end together", async (t) => {
  const { listener, connect } = await start(t)
  const { far, session } = await connect()
  const first = listener.drain(600_000)
  t.equal(await isSettled(first), false)
  t.equal(session.client.hasAborted, false)
  const second = listener.drain(0)
  await session.handler.until("close")
  t.ok(session.handler.error instanceof SessionEnd)
  t.match(session.handler.error, { reason: "drain_timeout" })
  await far.untilEnd()
  session.end()
  await Promise.all([first, second])
})

t.test("a second drain that would wait longer does not lengthen the first", async (t) => {
  const { listener, connect } = await start(t)
  const { session } = await connect()
  const first = listener.drain(1)
  const second = listener.drain(600_000)
  await session.handler.until("close")
  session.end()
  await Promise.all([first, second])
})

t.test("a drain leaves no timer behind", async (t) => {
  const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length
  const { listener, connect } = await start(t)
  const { session } = await connect()
  const before = timers()
  const drained = Promise.all([listener.drain(600_000), listener.drain(500_000), listener.drain(0)])
  await session.handler.until("close")
  session.end()
  await drained
  t.equal(timers(), before)
})

t.test("the port of a drained listener is free", async (t) => {
  const { listener, connect } = await start(t)
  const { address } = listener
  const { session } = await connect()
  const drained = listener.drain(0)
  await session.handler.until("close")
  session.end()
  await drained
  const server = createServer()
  t.teardown(() => server.close())
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject)
    server.listen(address.kind === "tcp" ? { host: address.host, port: address.port } : {}, resolve)
  })
})
