import { once } from "node:events"
import { setImmediate as nextTurn } from "node:timers/promises"
import t, { type Test } from "tap"
import { type CloseReason, SessionEnd } from "../../lib/close-reason.js"
import { FakeClock } from "../support/clock/fake-clock.js"
import { acceptPeer, type ConnectionEnds, dialPeer, untilGone } from "../support/peers/peers.js"
import { runTunnel, type TunnelOptions } from "../support/peers/run-tunnel.js"
import { wasReset } from "../support/peers/was-reset.js"
import { turnUntil } from "../support/pool/turns.js"
import { HandSweep } from "../support/program/hand-sweep.js"
import { Meter } from "../support/program/meter.js"

const IDLE_MS = 60_000
const HALF_CLOSE_MS = 10_000
const LONG_AGO_MS = 1_000_000
/** Below the high-water mark: a backlog of one piece does not pause the sender, so its FIN is still read. */
const PIECE_BYTES = 8 * 1024

interface Running {
  readonly client: ConnectionEnds
  readonly backend: ConnectionEnds
  readonly sweep: HandSweep
  readonly end: Promise<SessionEnd>
}

async function connect(t: Test): Promise<Pick<Running, "client" | "backend">> {
  return { client: await acceptPeer(t), backend: await dialPeer(t) }
}

function run(
  { client, backend }: Pick<Running, "client" | "backend">,
  options: Partial<TunnelOptions> & { readonly sweep?: HandSweep } = {},
): Running {
  const { sweep = new HandSweep() } = options
  const end = runTunnel(client.peer, backend.peer, { ...options, sweep })
  return { client, backend, sweep, end }
}

async function startTunnel(
  t: Test,
  options: Partial<TunnelOptions> & { readonly sweep?: HandSweep } = {},
): Promise<Running> {
  return run(await connect(t), options)
}

function isOpen({ client, backend }: Running): boolean {
  return !client.peer.socket.destroyed && !backend.peer.socket.destroyed
}

/** Sends one byte through the tunnel and waits until it has been written out. */
async function move(from: ConnectionEnds, to: ConnectionEnds): Promise<void> {
  const before = to.far.received.length
  from.far.write("x")
  await to.far.untilBytes(before + 1)
}

/**
 * Sends small pieces, each read by rws before the next, to a stalled reader: in the end there is a backlog,
 * and rws has read everything.
 */
async function fill(sender: ConnectionEnds, reader: ConnectionEnds): Promise<void> {
  const piece = Buffer.alloc(PIECE_BYTES)
  for (let sent = piece.length; reader.peer.socket.writableLength === 0; sent += piece.length) {
    sender.far.write(piece)
    await turnUntil(() => sender.peer.socket.bytesRead === sent, "all read")
  }
}

t.test("tunnels that began together reach their lifetime within its last tenth, not at once", async (t) => {
  const clock = new FakeClock()
  const sweep = new HandSweep()
  const options = { max_lifetime_ms: 100_000, sweep, clock }
  const tunnels = await Promise.all(Array.from({ length: 20 }, () => startTunnel(t, options)))
  const openAt = (ageMs: number) => {
    sweep.look(clock.nowMs() + ageMs)
    return tunnels.filter(isOpen).length
  }
  t.equal(openAt(0), 20)
  t.equal(openAt(89_999), 20)
  const halfway = openAt(95_000)
  t.ok(halfway > 0 && halfway < 20, `${halfway} are open halfway`)
  t.equal(openAt(100_000), 0)
  for (const { end } of tunnels) t.equal((await end).reason, "max_lifetime")
})

t.test("a tunnel that moves bytes all the time still reaches its lifetime", async (t) => {
  const clock = new FakeClock()
  const running = await startTunnel(t, { max_lifetime_ms: 1000, idle_timeout_ms: IDLE_MS, clock })
  for (let ageMs = 0; ageMs < 900; ageMs += 100) {
    await move(running.client, running.backend)
    running.sweep.look(clock.nowMs() + ageMs)
    t.ok(isOpen(running))
  }
  running.sweep.look(clock.nowMs() + 1000)
  t.equal((await running.end).reason, "max_lifetime")
})

const SIDES = [
  { one: "client", other: "backend" },
  { one: "backend", other: "client" },
] as const

t.test("a tunnel is idle when nothing has moved for the idle timeout", async (t) => {
  const running = await startTunnel(t, { idle_timeout_ms: IDLE_MS })
  running.sweep.look(LONG_AGO_MS)
  t.ok(isOpen(running), "the time starts at the first check")
  running.sweep.look(LONG_AGO_MS + IDLE_MS - 1)
  t.ok(isOpen(running))
  running.sweep.look(LONG_AGO_MS + IDLE_MS)
  t.notOk(isOpen(running))
  t.equal((await running.end).reason, "idle_timeout")
  for (const { far } of [running.client, running.backend]) {
    await far.untilEnd()
    t.equal(await wasReset(far), false)
  }
})

for (const { one, other } of SIDES) {
  t.test(`bytes from the ${one} restart the idle time`, async (t) => {
    const running = await startTunnel(t, { idle_timeout_ms: IDLE_MS })
    let nowMs = LONG_AGO_MS
    running.sweep.look(nowMs)
    for (let i = 0; i < 5; i++) {
      await move(running[one], running[other])
      nowMs += IDLE_MS
      running.sweep.look(nowMs)
      t.ok(isOpen(running))
      nowMs += IDLE_MS - 1
      running.sweep.look(nowMs)
      t.ok(isOpen(running))
    }
    running.sweep.look(nowMs + 1)
    t.equal((await running.end).reason, "idle_timeout")
  })

  t.test(`a tunnel whose ${one} slowly reads a backlog is not idle`, async (t) => {
    const running = await startTunnel(t, { idle_timeout_ms: IDLE_MS })
    const [reader, sender] = [running[one], running[other]]
    reader.far.socket.pause()
    await fill(sender, reader)
    running.sweep.look(LONG_AGO_MS)
    running.sweep.look(LONG_AGO_MS + IDLE_MS - 1)
    t.ok(isOpen(running))
    const meter = new Meter(reader.far)
    reader.far.socket.resume()
    await turnUntil(() => reader.peer.socket.writableLength === 0, "an empty backlog")
    const read = sender.peer.socket.bytesRead
    running.sweep.look(LONG_AGO_MS + IDLE_MS)
    t.ok(isOpen(running), "written bytes count")
    running.sweep.look(LONG_AGO_MS + 2 * IDLE_MS - 1)
    t.ok(isOpen(running))
    await meter.untilBytes(read)
    t.equal(sender.peer.socket.bytesRead, read, "nothing else has moved")
    running.sweep.look(LONG_AGO_MS + 2 * IDLE_MS)
    t.equal((await running.end).reason, "idle_timeout")
  })

  t.test(`a tunnel whose ${one} reads nothing becomes idle, and the ${one} is reset`, async (t) => {
    const running = await startTunnel(t, { idle_timeout_ms: IDLE_MS })
    const [reader, sender] = [running[one], running[other]]
    reader.far.socket.pause()
    await fill(sender, reader)
    running.sweep.look(LONG_AGO_MS)
    running.sweep.look(LONG_AGO_MS + IDLE_MS)
    t.equal((await running.end).reason, "idle_timeout")
    reader.far.socket.removeAllListeners("data").resume()
    t.equal(await wasReset(reader.far), true, "so that the truncated stream does not look complete")
  })

  t.test(`after the ${one}'s FIN a silent ${other} ends the tunnel by half_close_timeout`, async (t) => {
    const options = { idle_timeout_ms: IDLE_MS, half_close_timeout_ms: HALF_CLOSE_MS }
    const running = await startTunnel(t, options)
    running.sweep.look(LONG_AGO_MS)
    const finMs = LONG_AGO_MS + IDLE_MS - 1
    running[one].far.socket.end()
    await running[other].far.untilEnd()
    running.sweep.look(finMs)
    running.sweep.look(finMs + HALF_CLOSE_MS - 1)
    t.ok(isOpen(running))
    await move(running[other], running[one])
    running.sweep.look(finMs + HALF_CLOSE_MS)
    running.sweep.look(finMs + 2 * HALF_CLOSE_MS - 1)
    t.ok(isOpen(running), "its bytes restart the time")
    running.sweep.look(finMs + 2 * HALF_CLOSE_MS)
    t.notOk(isOpen(running))
    t.equal((await running.end).reason, "half_close_timeout")
  })

  t.test(
    `a ${one}'s FIN that had come before the tunnel counts, and so do the bytes before it`,
    async (t) => {
      const pair = await connect(t)
      pair[one].far.socket.end("early")
      await once(pair[one].peer.socket, "end")
      const running = run(pair, { half_close_timeout_ms: HALF_CLOSE_MS })
      await running[other].far.untilEnd()
      t.equal(running[other].far.text, "early")
      await move(running[other], running[one])
      running.sweep.look(0)
      running.sweep.look(HALF_CLOSE_MS)
      t.equal((await running.end).reason, "half_close_timeout")
    },
  )

  const ends: readonly {
    title: string
    act: (running: Running) => Promise<unknown>
    reason: CloseReason
  }[] = [
    {
      title: `when the ${one} closes and then the ${other}`,
      act: async (running) => {
        running[one].far.socket.end()
        await running[other].far.untilEnd()
        running[other].far.socket.end()
      },
      reason: `${one}_fin`,
    },
    {
      title: `when the ${one} fails with an error`,
      act: async (running) => running[one].far.socket.resetAndDestroy(),
      reason: `${one}_reset`,
    },
    {
      title: `when the ${one} closes and then the ${other} fails with an error`,
      act: async (running) => {
        running[one].far.socket.end()
        await running[other].far.untilEnd()
        running[other].far.socket.resetAndDestroy()
      },
      reason: `${other}_reset`,
    },
    {
      title: `when rws closes the ${one}`,
      act: async (running) => running[one].peer.close(new SessionEnd("drain_timeout")),
      reason: "drain_timeout",
    },
  ]
  for (const { title, act, reason } of ends) {
    t.test(`a tunnel ends ${title}: ${reason}, with both sockets gone`, async (t) => {
      const running = await startTunnel(t, { idle_timeout_ms: IDLE_MS, half_close_timeout_ms: HALF_CLOSE_MS })
      await act(running)
      t.equal((await running.end).reason, reason)
      t.ok(running.client.peer.socket.destroyed)
      t.ok(running.backend.peer.socket.destroyed)
      t.equal(running.sweep.members.size, 0, "it is no longer checked")
      running.sweep.look(LONG_AGO_MS)
    })
  }

  t.test(`a ${one} that is gone before the tunnel begins ends it, and resets the ${other}`, async (t) => {
    const pair = await connect(t)
    pair[one].peer.socket.destroy(new Error("broken"))
    await untilGone(pair[one].peer)
    const running = run(pair, { idle_timeout_ms: IDLE_MS })
    t.equal((await running.end).reason, `${one}_reset`)
    t.equal(await wasReset(pair[other].far), true)
    t.equal(running.sweep.members.size, 0)
  })

  t.test(
    `a tunnel does not end while the ${one} has bytes to read, although the ${other} is gone`,
    async (t) => {
      const running = await startTunnel(t, { half_close_timeout_ms: HALF_CLOSE_MS })
      const [reader, sender] = [running[one], running[other]]
      let ended = false
      void running.end.then(() => {
        ended = true
      })
      reader.far.socket.pause()
      await fill(sender, reader)
      const gone = untilGone(sender.peer)
      sender.far.socket.end()
      await once(sender.peer.socket, "end")
      reader.far.socket.end()
      await gone
      await nextTurn()
      t.equal(ended, false)
      t.equal(reader.peer.socket.destroyed, false)
      t.equal(running.sweep.members.size, 1, "its timeouts are still checked")
      const meter = new Meter(reader.far)
      reader.far.socket.resume()
      t.equal((await running.end).reason, `${other}_fin`)
      await reader.far.untilEnd()
      t.equal(meter.bytes, sender.peer.socket.bytesRead, "all bytes have arrived")
      t.equal(running.sweep.members.size, 0)
    },
  )

  t.test(`a tunnel does not end while the ${one} is connected`, async (t) => {
    const running = await startTunnel(t)
    let ended = false
    void running.end.then(() => {
      ended = true
    })
    running[other].far.socket.end("bye")
    await running[one].far.untilEnd()
    for (let i = 0; i < 100; i++) await move(running[one], running[other])
    t.equal(ended, false)
    running[one].far.socket.end()
    await running.end
  })
}

t.test("a tunnel without timeouts is never closed", async (t) => {
  const running = await startTunnel(t)
  for (let nowMs = 0; nowMs < 10; nowMs++) running.sweep.look(nowMs * 1e9)
  t.ok(isOpen(running))
  running.client.far.socket.end()
  await running.backend.far.untilEnd()
  for (let nowMs = 10; nowMs < 20; nowMs++) running.sweep.look(nowMs * 1e9)
  t.ok(isOpen(running))
})

t.test("without idle timeout silence counts only after a FIN", async (t) => {
  const running = await startTunnel(t, { half_close_timeout_ms: HALF_CLOSE_MS })
  running.sweep.look(0)
  running.sweep.look(1e9)
  t.equal(running.sweep.members.size, 0, "it need not be checked")
  running.client.far.socket.end()
  await running.backend.far.untilEnd()
  t.equal(running.sweep.members.size, 1)
  running.sweep.look(2e9)
  t.ok(isOpen(running))
  running.sweep.look(2e9 + HALF_CLOSE_MS)
  t.equal((await running.end).reason, "half_close_timeout")
})

t.test("without half-close timeout the idle timeout ends a half-closed tunnel", async (t) => {
  const running = await startTunnel(t, { idle_timeout_ms: IDLE_MS })
  running.client.far.socket.end()
  await running.backend.far.untilEnd()
  running.sweep.look(0)
  running.sweep.look(IDLE_MS - 1)
  t.ok(isOpen(running))
  running.sweep.look(IDLE_MS)
  t.equal((await running.end).reason, "idle_timeout")
})

t.test("the half-close timeout does not apply to a tunnel that is open in both directions", async (t) => {
  const running = await startTunnel(t, { idle_timeout_ms: IDLE_MS, half_close_timeout_ms: HALF_CLOSE_MS })
  running.sweep.look(0)
  running.sweep.look(IDLE_MS - 1)
  t.ok(isOpen(running))
  running.sweep.look(IDLE_MS)
  t.equal((await running.end).reason, "idle_timeout")
})

t.test("a half-closed tunnel ends by the idle timeout if that is shorter", async (t) => {
  const running = await startTunnel(t, { idle_timeout_ms: IDLE_MS, half_close_timeout_ms: 2 * IDLE_MS })
  running.client.far.socket.end()
  await running.backend.far.untilEnd()
  running.sweep.look(0)
  running.sweep.look(IDLE_MS)
  t.equal((await running.end).reason, "idle_timeout")
})

t.test("a half-closed tunnel without any timeout need not be checked", async (t) => {
  const running = await startTunnel(t)
  running.client.far.socket.end()
  await running.backend.far.untilEnd()
  running.sweep.look(0)
  t.equal(running.sweep.members.size, 0)
})

for (const [keepalive_ms, setMs] of [
  [60_000, 60_000],
  [0, undefined],
  // Linux accepts at most 32767 seconds.
  [2 ** 31 - 1, 32_767_000],
] as const) {
  t.test(`with keepalive_ms = ${keepalive_ms} both sockets get it at the first look, once`, async (t) => {
    const pair = await connect(t)
    const calls = [pair.client, pair.backend].map(({ peer: { socket } }) =>
      t.capture(socket, "setKeepAlive", socket.setKeepAlive),
    )
    const running = run(pair, { keepalive_ms, idle_timeout_ms: IDLE_MS })
    for (const call of calls) t.equal(call.args().length, 0)
    for (let nowMs = 0; nowMs < 5; nowMs++) running.sweep.look(nowMs)
    for (const call of calls) t.same(call.args(), setMs === undefined ? [] : [[true, setMs]])
  })
}
