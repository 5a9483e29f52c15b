/** A tunnel to a TLS backend keeps the guarantees of a plain one, as far as TLS allows. */
import { createHash, randomBytes } from "node:crypto"
import t, { type Test } from "tap"
import type { SessionEnd } from "../../lib/close-reason.js"
import { acceptPeer, type ConnectionEnds } from "../support/peers/peers.js"
import { runTunnel } from "../support/peers/run-tunnel.js"
import { untilStalled } from "../support/peers/stalled.js"
import { type SecuredConnection, securePeer } from "../support/peers/tls-backend.js"
import { wasReset } from "../support/peers/was-reset.js"
import { HandSweep } from "../support/program/hand-sweep.js"
import { Meter } from "../support/program/meter.js"

const VERSIONS = ["TLSv1.2", "TLSv1.3"] as const
const SIDES = [
  { one: "client", other: "backend" },
  { one: "backend", other: "client" },
] as const
const IDLE_MS = 60_000

interface TlsTunnel {
  readonly client: ConnectionEnds
  readonly backend: SecuredConnection
  readonly sweep: HandSweep
  readonly end: Promise<SessionEnd>
}

async function openTunnel(t: Test, version: (typeof VERSIONS)[number]): Promise<TlsTunnel> {
  const client = await acceptPeer(t)
  const backend = await securePeer(t, { minVersion: version, maxVersion: version })
  const sweep = new HandSweep()
  const options = { idle_timeout_ms: IDLE_MS, keepalive_ms: 1000, sweep }
  return { client, backend, sweep, end: runTunnel(client.peer, backend.peer, options) }
}

for (const version of VERSIONS) {
  for (const { one, other } of SIDES) {
    t.test(`with ${version}, after the ${one}'s FIN the ${other}'s late data still flows`, async (t) => {
      const running = await openTunnel(t, version)
      const [first, last] = [running[one].far, running[other].far]
      const much = randomBytes(3_000_001)
      first.socket.end("bye")
      await last.untilEnd()
      t.equal(last.text, "bye")
      t.equal(first.ended, false)
      last.socket.end(much)
      await first.untilEnd()
      t.ok(first.received.equals(much))
      await Promise.all([first.untilClosed(), last.untilClosed()])
      t.equal(first.error, undefined)
      t.equal(last.error, undefined)
      t.equal((await running.end).reason, `${one}_fin`)
      t.equal(running[one].peer.stageBytes, 3, "bytes are counted inside TLS")
      t.equal(running[other].peer.stageBytes, much.length)
    })

    t.test(
      `with ${version}, a reset by the ${one} never looks like a clean end to the ${other}`,
      async (t) => {
        const running = await openTunnel(t, version)
        running[one].far.write("hello")
        await running[other].far.untilText("hello")
        if (one === "backend") running.backend.raw.resetAndDestroy()
        else running.client.far.socket.resetAndDestroy()
        t.equal(await wasReset(running[other].far), true)
        t.equal((await running.end).reason, `${one}_reset`)
      },
    )

    t.test(
      `with ${version}, a large transfer from the ${one} arrives whole at a ${other} that reads late`,
      async (t) => {
        const running = await openTunnel(t, version)
        const [sender, reader] = [running[one].far, running[other].far]
        const block = randomBytes(1_000_003)
        const expected = createHash("sha256")
        reader.socket.pause()
        const meter = new Meter(reader)
        for (let i = 0; i < 60; i++) {
          sender.socket.write(block)
          expected.update(block)
        }
        sender.socket.end()
        await untilStalled(sender.socket)
        t.ok(sender.socket.writableLength > 0, "the sender has been stopped")
        t.ok(running[other].peer.socket.writableLength < 300_000, "little is buffered in rws")
        reader.socket.resume()
        await reader.untilEnd()
        t.equal(meter.bytes, 60 * block.length)
        t.equal(meter.digest(), expected.digest("hex"))
        reader.socket.end()
        await sender.untilClosed()
        t.equal(sender.error, undefined)
        t.equal((await running.end).reason, `${one}_fin`)
      },
    )
  }

  t.test(`with ${version}, large transfers flow in both directions at once`, async (t) => {
    const { client, backend, end } = await openTunnel(t, version)
    const [up, down] = [randomBytes(10_000_019), randomBytes(10_000_079)]
    client.far.socket.end(up)
    backend.far.socket.end(down)
    await Promise.all([client.far.untilEnd(), backend.far.untilEnd()])
    t.ok(backend.far.received.equals(up))
    t.ok(client.far.received.equals(down))
    await end
    t.equal(client.peer.stageBytes, up.length)
    t.equal(backend.peer.stageBytes, down.length)
  })

  t.test(`with ${version}, a FIN without close_notify ends one direction`, async (t) => {
    const { client, backend, end } = await openTunnel(t, version)
    backend.far.write("last")
    await client.far.untilText("last")
    // On the socket under TLS, so that no close_notify is sent.
    backend.raw.end()
    await client.far.untilEnd()
    client.far.socket.end("late")
    await end
    t.equal(client.far.error, undefined)
  })

  t.test(`with ${version}, an invalid record breaks the tunnel`, async (t) => {
    const { client, backend, end } = await openTunnel(t, version)
    backend.raw.write("this is no TLS record")
    t.equal(await wasReset(client.far), true)
    t.equal((await end).reason, "backend_reset")
  })

  t.test(
    `with ${version}, an idle tunnel ends with close_notify, and one with traffic is not idle`,
    async (t) => {
      const { client, backend, sweep, end } = await openTunnel(t, version)
      sweep.look(1)
      client.far.write("x")
      await backend.far.untilText("x")
      sweep.look(1 + IDLE_MS)
      t.equal(backend.peer.hasAborted, false)
      sweep.look(1 + 2 * IDLE_MS)
      t.equal((await end).reason, "idle_timeout")
      await backend.far.untilEnd()
      t.equal(backend.far.error, undefined)
      await client.far.untilEnd()
    },
  )
}
