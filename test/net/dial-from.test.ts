import t, { type Test } from "tap"
import { SessionEnd } from "../../lib/close-reason.js"
import { type Dialling, dial } from "../../lib/net/dial-from.js"
import { LocalAddresses } from "../../lib/net/local-addresses.js"
import { FakeClock } from "../support/clock/fake-clock.js"
import { deadAddress, startBackend } from "../support/peers/backend.js"
import { startUnansweringPort } from "../support/peers/unanswering-port.js"
import { failingName, hangingName, lookupError, nameOf } from "../support/pool/names.js"
import { turnUntil } from "../support/pool/turns.js"
import { rejectionOf } from "../support/project/thrown.js"

const PATIENT = { connectTimeoutMs: 60_000 }
/** Of TEST-NET-1 (RFC 5737): no machine has it. */
const NOT_OURS = "192.0.2.1"

const portOf = (address: string) => Number(address.slice(address.lastIndexOf(":") + 1))

function dialFrom(t: Test, from: string[], host: string, port: number, clock?: FakeClock): Dialling {
  const dialling = dial({ kind: "tcp", host, port }, new LocalAddresses(from), PATIENT, clock)
  t.teardown(() => dialling.close(new SessionEnd("drain_timeout")))
  return dialling
}

t.test("a backend is dialled from the local addresses in turn", async (t) => {
  const backend = await startBackend(t)
  const from = new LocalAddresses(["127.0.0.2", "127.0.0.3"])
  for (let turn = 0; turn < 4; turn++) {
    const address = { kind: "tcp", host: "127.0.0.1", port: portOf(backend.address) } as const
    const { socket } = await dial(address, from, PATIENT).connected
    t.teardown(() => socket.destroy())
  }
  const peers = await Promise.all([0, 1, 2, 3].map((index) => backend.peer(index)))
  t.same(
    peers.map(({ socket }) => socket.remoteAddress),
    ["127.0.0.2", "127.0.0.3", "127.0.0.2", "127.0.0.3"],
  )
})

t.test("a local address that can't be used is passed over", async (t) => {
  const backend = await startBackend(t)
  await dialFrom(t, [NOT_OURS, "127.0.0.2"], "127.0.0.1", portOf(backend.address)).connected
  t.equal((await backend.peer()).socket.remoteAddress, "127.0.0.2")
})

t.test("without a usable local address the dial fails for a local reason that names the key", async (t) => {
  const backend = await startBackend(t)
  const error = await rejectionOf(
    () => dialFrom(t, [NOT_OURS], "127.0.0.1", portOf(backend.address)).connected,
  )
  t.match(error, {
    reason: "local_exhaustion",
    message: /see local_addresses$/,
    cause: { code: "EADDRNOTAVAIL" },
  })
  t.equal(backend.peers.length, 0)
})

t.test("all addresses of a name are tried, each from local ones of its family", async (t) => {
  const backend = await startBackend(t)
  const name = nameOf("127.0.0.9", "127.0.0.1")
  await dialFrom(t, ["127.0.0.2", "127.0.0.3"], name, portOf(backend.address)).connected
  t.equal((await backend.peer()).socket.remoteAddress, "127.0.0.2")
  t.equal(backend.peers.length, 1)
})

t.test("a backend that refuses is not asked again from the other local addresses", async (t) => {
  const dead = await deadAddress()
  const error = await rejectionOf(
    () => dialFrom(t, ["127.0.0.2", "127.0.0.3"], "127.0.0.1", portOf(dead)).connected,
  )
  t.match(error, { reason: "backend_unreachable", cause: { code: "ECONNREFUSED", localAddress: undefined } })
})

t.test("a name that can't be resolved ends the dial", async (t) => {
  const name = failingName(lookupError("ENOTFOUND"))
  t.match(await rejectionOf(() => dialFrom(t, ["127.0.0.2"], name, 80).connected), {
    reason: "resolve_failed",
  })
})

t.test("the deadline holds while the name is resolved and while the backend does not accept", async (t) => {
  const clock = new FakeClock()
  const { name } = hangingName(t)
  const resolving = rejectionOf(() => dialFrom(t, ["127.0.0.2"], name, 80, clock).connected)
  clock.advance(PATIENT.connectTimeoutMs)
  t.match(await resolving, { reason: "resolve_timeout" })

  const silent = await startUnansweringPort(t)
  const connecting = rejectionOf(
    () => dialFrom(t, ["127.0.0.2"], "127.0.0.1", portOf(silent), clock).connected,
  )
  await turnUntil(() => clock.pending > 0, "a dial")
  clock.advance(PATIENT.connectTimeoutMs)
  t.match(await connecting, { reason: "connect_timeout" })
  t.equal(clock.pending, 0)
})

t.test("a dial that is closed ends with that error, whatever it waits for", async (t) => {
  const { name } = hangingName(t)
  const silent = await startUnansweringPort(t)
  for (const [host, port] of [[name, 80] as const, ["127.0.0.1", portOf(silent)] as const]) {
    const dialling = dialFrom(t, ["127.0.0.2", "127.0.0.3"], host, port)
    const failed = rejectionOf(() => dialling.connected)
    dialling.close(new SessionEnd("client_aborted_in_dial"))
    t.match(await failed, { reason: "client_aborted_in_dial" })
  }
})

t.test("closing after the dial closes the connection", async (t) => {
  const backend = await startBackend(t)
  const dialling = dialFrom(t, ["127.0.0.2"], "127.0.0.1", portOf(backend.address))
  const { socket } = await dialling.connected
  const closed = new Promise((resolve) => socket.once("close", resolve))
  dialling.close(new SessionEnd("drain_timeout"))
  await closed
})
