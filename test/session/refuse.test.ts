import { once } from "node:events"
import t from "tap"
import { CLOSE_REASONS, type CloseReason, SessionEnd } from "../../lib/close-reason.js"
import { Places } from "../../lib/limits/places.js"
import type { Connection } from "../../lib/net/connection.js"
import { refuse } from "../../lib/session/refuse.js"
import { type Clock, systemClock } from "../../lib/shared/clock.js"
import { FakeClock } from "../support/clock/fake-clock.js"
import { checkRefusal } from "../support/http/answer.js"
import { acceptPeer, PEER_KINDS } from "../support/peers/peers.js"

const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length
/** Resolves once the socket is gone. */
function refused(
  client: Connection,
  end: SessionEnd,
  lingers: boolean,
  clock: Clock = systemClock,
): Promise<void> {
  const lingering = new Places(1)
  if (!lingers) lingering.acquire()
  return new Promise((resolve) => refuse(client, end, { sockets: { lingering }, clock }, resolve))
}

const statusOf = (reason: CloseReason) => CLOSE_REASONS[reason].status

for (const reason of Object.keys(CLOSE_REASONS) as CloseReason[]) {
  const status = statusOf(reason)
  if (status === undefined) {
    t.test(`a client whose session ended with ${reason} gets only a FIN`, async (t) => {
      const { peer, far } = await acceptPeer(t)
      const gone = refused(peer, new SessionEnd(reason), true)
      await far.untilEnd()
      t.equal(far.text, "")
      far.socket.end()
      await gone
      t.equal(peer.socket.destroyed, true)
    })
  } else {
    t.test(`a client whose session ended with ${reason} gets a ${status} with the detail`, async (t) => {
      const { peer, far } = await acceptPeer(t)
      const gone = refused(peer, new SessionEnd(reason, "this very thing"), true)
      const answer = await checkRefusal(t, far, statusLineOf(status), /this very thing/)
      t.match(answer.body, CLOSE_REASONS[reason].text)
      await gone
      t.equal(peer.socket.destroyed, true)
    })
  }
}

/** The phrases of RFC 9110 §15 and RFC 6585 §4 and §5, independent of lib. */
function statusLineOf(status: number): string {
  const phrases: Readonly<Record<number, string>> = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    408: "Request Timeout",
    426: "Upgrade Required",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
  }
  return `${status} ${phrases[status]}`
}

t.test("a response of a hook or a service is written as it is, and not kept with the end", async (t) => {
  const { peer, far } = await acceptPeer(t)
  const response = { status: 418, fieldLines: "X-Tea: green\r\n", body: Buffer.from("short and stout") }
  const end = new SessionEnd("hook_refused", "", undefined, response)
  const gone = refused(peer, end, true)
  await far.untilEnd()
  t.match(
    far.text,
    /^HTTP\/1\.1 418 \r\n(.*\r\n)*X-Tea: green\r\nContent-Length: 15\r\n(.*\r\n)*\r\nshort and stout$/,
  )
  t.equal(end.response, undefined)
  t.equal(end.status, 418)
  far.socket.end()
  await gone
})

t.test("there is no wait for a client that is already gone", async (t) => {
  const { peer } = await acceptPeer(t)
  peer.close(new Error("gone"))
  const before = timers()
  await refused(peer, new SessionEnd("bad_request"), true)
  t.equal(timers(), before, "no timer is left")
})

t.test(
  "a client that has sent FIN before it is refused gets its response and is closed at once",
  async (t) => {
    const { peer, far } = await acceptPeer(t)
    far.socket.end("nonsense")
    await once(peer.socket, "end")
    const gone = refused(peer, new SessionEnd("bad_request"), true)
    await far.untilEnd()
    t.match(far.text, /^HTTP\/1\.1 400 /)
    await gone
  },
)

for (const { title, connect } of PEER_KINDS) {
  t.test(`a refusal ends when ${title} closes, and leaves no timer`, async (t) => {
    const { peer, far } = await connect(t)
    const before = timers()
    const gone = refused(peer, new SessionEnd("bad_request"), true)
    far.write("still talking".repeat(10_000))
    await far.untilEnd()
    far.socket.end()
    await gone
    t.equal(timers(), before)
  })
}

t.test("without a lingering place a client gets its response and FIN, and is closed at once", async (t) => {
  const { peer, far } = await acceptPeer(t)
  const before = timers()
  await refused(peer, new SessionEnd("too_many_connections"), false)
  t.equal(timers(), before)
  await far.untilEnd()
  t.match(far.text, /^HTTP\/1\.1 503 /)
  t.match(far.text, /too many connections/)
  far.socket.end()
  await far.untilClosed()
  t.equal(far.error, undefined)
})

t.test("there is no further wait for a refused client that rws closes meanwhile", async (t) => {
  const { peer, far } = await acceptPeer(t)
  const gone = refused(peer, new SessionEnd("bad_request"), true)
  await far.untilEnd()
  peer.close(new SessionEnd("drain_timeout"))
  await gone
})

t.test("a refused client that does not close is closed after two seconds", async (t) => {
  const { peer, far } = await acceptPeer(t)
  const clock = new FakeClock()
  const gone = refused(peer, new SessionEnd("bad_request"), true, clock)
  await far.untilEnd()
  clock.advance(1999)
  t.equal(peer.socket.destroyed, false)
  clock.advance(1)
  await gone
  t.equal(clock.pending, 0)
})
