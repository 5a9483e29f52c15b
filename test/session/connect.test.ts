import { once } from "node:events"
import t, { type Test } from "tap"
import { SessionEnd, type Stage } from "../../lib/close-reason.js"
import type { Connection } from "../../lib/net/connection.js"
import { Pool } from "../../lib/pool/pool.js"
import type { Admission } from "../../lib/session/admission.js"
import { connect } from "../../lib/session/connect.js"
import type { IncomingRequest } from "../../lib/session/read-request.js"
import type { StageContext, Upstream } from "../../lib/session/stage-context.js"
import { deadAddress, startBackend } from "../support/peers/backend.js"
import { acceptPeer } from "../support/peers/peers.js"
import { failingName, lookupError } from "../support/pool/names.js"
import { poolRequest } from "../support/pool/pool-request.js"
import { startListener } from "../support/program/running-listener.js"
import { rejectionOf } from "../support/project/thrown.js"

interface Connecting extends StageContext {
  readonly told: string[]
  readonly places: number
}

/** A session that is about to connect. */
async function about(t: Test, client: Connection): Promise<Connecting> {
  const told: string[] = []
  const { listener } = await startListener(t, {
    observer: { dialFailed: (_, backend, { reason }) => told.push(`${backend} ${reason}`) },
  })
  const held = new Set<{ release(): void }>()
  let upstream: Upstream | undefined
  t.teardown(() => upstream?.close(new SessionEnd("drain_timeout")))
  return {
    told,
    get places() {
      return held.size
    },
    client,
    listener,
    settings: listener.settings,
    summary: { listener: "own", client: "", startedAt: 0, bytesFromClient: 0, bytesFromBackend: 0 },
    get upstream() {
      return upstream
    },
    set upstream(value) {
      upstream = value
    },
    enter(_: Stage) {
      if (client.hasAborted) throw new SessionEnd("client_aborted_in_dial")
    },
    hold: (place) => held.add(place),
    release(place) {
      held.delete(place)
      place.release()
    },
  }
}

const incoming = { request: poolRequest(), client: { ip: "", port: 0 } } as IncomingRequest
const to = (pool: Pool) => ({ incoming, running: { pool, tlsFor: () => undefined } }) as unknown as Admission

t.test("failed dials move on to the next backend, and each but the last is reported", async (t) => {
  const { peer: client } = await acceptPeer(t)
  const [dead, live] = [await deadAddress(), await startBackend(t)]
  const unknown = `${failingName(lookupError("ENOTFOUND"))}:1`
  const session = await about(t, client)
  const pool = new Pool([dead, unknown, live.address])
  const { backend } = await connect(session, to(pool))
  t.equal(backend.name, live.address)
  t.same(session.told, [`${dead} backend_unreachable`, `${unknown} resolve_failed`])
  t.equal(session.places, 1, "only the last one's place is held")
  t.same(
    pool.members.map(({ active }) => active),
    [0, 0, 1],
  )
  t.match(session.summary, { backend: live.address, dialMs: Number })
})

t.test("the last failure ends the session, and no place is held", async (t) => {
  const { peer: client } = await acceptPeer(t)
  const session = await about(t, client)
  const error = await rejectionOf(async () => connect(session, to(new Pool([await deadAddress()]))))
  t.match(error, { reason: "backend_unreachable" })
  t.same(session.told, [])
  t.equal(session.places, 0)
})

t.test("without an available backend nothing is dialled", async (t) => {
  const { peer: client } = await acceptPeer(t)
  const session = await about(t, client)
  t.match(await rejectionOf(() => connect(session, to(new Pool()))), { reason: "no_backend" })
})

t.test("no backend is dialled for a client that has aborted", async (t) => {
  const { peer: client, far } = await acceptPeer(t)
  const server = await startBackend(t)
  far.socket.end()
  await once(client.socket, "end")
  const session = await about(t, client)
  const pool = new Pool([server.address])
  t.match(await rejectionOf(() => connect(session, to(pool))), { reason: "client_aborted_in_dial" })
  t.equal(session.places, 0)
  t.equal(pool.members[0]?.dials, 0)
  await connect(await about(t, (await acceptPeer(t)).peer), to(pool))
  await server.peer()
  t.equal(server.peers.length, 1, "a later dial is the first to arrive")
})
