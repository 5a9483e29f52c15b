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
import { settled } from "../support/project/settled.js"

const LOOPBACK: Address = { kind: "tcp", host: "127.0.0.1", port: 0 }

/** A client that a listener has accepted. */
interface Session {
  readonly client: Connection
  readonly handler: RecordingHandler
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
      onClient: (client) => {
        const handler = new RecordingHandler()
        client.attach(handler)
        sessions.push({ client, handler })
      },
      onFault: (error) => t.fail(error.message),
    },
  )
  await listener.listen()
  t.teardown(() => {
    for (const { client } of sessions) client.socket.destroy()
    return listener.close()
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

t.test("a listener reports the port that the system chose", async (t) => {
  const { listener } = await start(t)
  t.match(formatAddress(listener.address), /^127\.0\.0\.1:[1-9]\d*$/)
})

t.test("a listener bound to a host name reports its IP address", async (t) => {
  const { listener, connect } = await start(t, { kind: "tcp", host: "localhost", port: 0 })
  t.match(formatAddress(listener.address), /^(127\.0\.0\.1|\[::1\]):[1-9]\d*$/)
  t.equal((await connect()).session.client.hasAborted, false)
})

t.test("a listener on a Unix socket reports its path", async (t) => {
  const path = join(socketFolder(t), "front.sock")
  const { listener, connect } = await start(t, { kind: "unix", path })
  t.same(listener.address, { kind: "unix", path })
  t.equal((await connect()).session.client.hasAborted, false)
})

t.test("client connections allow half-open sockets and disable Nagle's algorithm", async (t) => {
  const { connect } = await start(t)
  const { far, session } = await connect()
  far.socket.end("ping")
  await session.handler.until("end")
  session.client.socket.write("pong")
  await far.untilText("pong")
  t.equal(session.client.socket.destroyed, false)
})

t.test("one-byte packets of a paused client do not accumulate", async (t) => {
  const { connect } = await start(t)
  const { far, session } = await connect()
  session.client.socket.pause()
  await dribble(far, Buffer.alloc(100))
  const { readableLength } = session.client.socket
  t.ok(readableLength < 10, `${readableLength} bytes were read, and the kernel keeps the rest`)
  session.client.socket.resume()
  await session.handler.untilBytes(100)
})

t.test("a listener without clients closes at once, any number of times", async (t) => {
  const { listener } = await start(t)
  await listener.close()
  await listener.close()
})

t.test("a listener that has never listened can be closed", async () => {
  const listener = new Listener({ address: LOOPBACK }, { onClient() {}, onFault() {} })
  await listener.close()
})

t.test("a listener's close resolves when the last client's socket is gone", async (t) => {
  const { listener, connect } = await start(t)
  const { session } = await connect()
  const closed = listener.close()
  t.equal(await settled(closed), false)
  session.client.socket.destroy()
  await closed
})

t.test("the port of a closed listener is free", async (t) => {
  const { listener, connect } = await start(t)
  const { address } = listener
  const { session } = await connect()
  const closed = listener.close()
  session.client.close(new SessionEnd("drain_timeout"))
  await session.handler.until("close")
  await closed
  const server = createServer()
  t.teardown(() => server.close())
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject)
    server.listen(address.kind === "tcp" ? { host: address.host, port: address.port } : {}, resolve)
  })
})
