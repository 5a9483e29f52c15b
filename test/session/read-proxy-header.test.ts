import { setImmediate as nextTurn } from "node:timers/promises"
import t from "tap"
import { type CloseReason, SessionEnd } from "../../lib/close-reason.js"
import { writeProxyHeader } from "../../lib/forwarding/proxy-protocol.js"
import { REQUEST, readHead } from "../../lib/net/read-head.js"
import { readProxyHeader } from "../../lib/session/read-proxy-header.js"
import { FakeClock } from "../support/clock/fake-clock.js"
import { upgradeHead } from "../support/http/heads.js"
import { dribble } from "../support/peers/dribble.js"
import { type ConnectionEnds, PEER_KINDS } from "../support/peers/peers.js"
import { RecordingHandler } from "../support/peers/recording-handler.js"
import { turnUntil } from "../support/pool/turns.js"
import { rejectionOf } from "../support/project/thrown.js"

const PATIENT_MS = 60_000
const SOURCE = { ip: "192.0.2.1", port: 56541 }
const DESTINATION = { ip: "2001:db8::1", port: 443 }

const HEADERS = [
  { version: "v1", header: writeProxyHeader("v1", SOURCE, DESTINATION) },
  { version: "v2", header: writeProxyHeader("v2", SOURCE, DESTINATION) },
] as const

async function endOf(reading: Promise<unknown>): Promise<SessionEnd> {
  const error = await rejectionOf(() => reading)
  return error instanceof SessionEnd ? error : new SessionEnd("internal_error", "it was read")
}

const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length

for (const { title, connect } of PEER_KINDS) {
  for (const { version, header } of HEADERS) {
    const expected = { length: header.length, source: SOURCE, destination: DESTINATION }

    t.test(`a ${version} header from ${title} is read, and the bytes after it are kept`, async (t) => {
      const { peer, far } = await connect(t)
      const before = timers()
      far.write(Buffer.concat([header, Buffer.from("what follows")]))
      t.same(await readProxyHeader(peer, PATIENT_MS), expected)
      t.equal(timers(), before, "no timer is left")
      t.equal(peer.stageBytes, 12)
      const handler = new RecordingHandler()
      peer.attach(handler)
      t.equal(handler.text, "what follows")
    })

    t.test(`a ${version} header from ${title} is read byte by byte, and then the request`, async (t) => {
      const { peer, far } = await connect(t)
      const limits = { maxBytes: 1000, timeoutMs: PATIENT_MS }
      const reading = readProxyHeader(peer, PATIENT_MS).then(async (read) => {
        return { read, head: await readHead(peer, REQUEST, limits) }
      })
      await dribble(far, Buffer.concat([header, Buffer.from(upgradeHead(), "latin1")]))
      const { read, head } = await reading
      t.same(read, expected)
      t.equal(head.text, upgradeHead())
    })

    t.test(`a ${version} header from ${title} with a FIN right after it is read`, async (t) => {
      const { peer, far } = await connect(t)
      far.socket.end(header)
      await turnUntil(() => peer.ended, "the FIN")
      t.same(await readProxyHeader(peer, PATIENT_MS), expected)
      const handler = new RecordingHandler()
      peer.attach(handler)
      t.same(handler.calls, ["end"])
    })

    t.test(`a truncated ${version} header from ${title} is not read`, async (t) => {
      for (const length of [1, 5, 6, 12, 13, 15, 16, 20, header.length - 1]) {
        const { peer, far } = await connect(t)
        const reading = endOf(readProxyHeader(peer, PATIENT_MS))
        far.socket.end(header.subarray(0, length))
        t.equal((await reading).reason, "client_aborted_in_head", `${length} bytes`)
      }
    })
  }

  const failing: readonly {
    title: string
    reason: CloseReason
    detail?: string
    act: (connection: ConnectionEnds) => unknown
    waits?: true
  }[] = [
    { title: "that is silent", reason: "head_timeout", act: () => {}, waits: true },
    {
      title: "that stalls within it",
      reason: "head_timeout",
      act: ({ far }) => far.write(HEADERS[1].header.subarray(0, -1)),
      waits: true,
    },
    {
      title: "that only probes whether the port is open",
      reason: "client_aborted_in_head",
      act: ({ far }) => far.socket.end(),
    },
    {
      title: "that fails with an error",
      reason: "client_aborted_in_head",
      act: ({ peer }) => peer.socket.destroy(new Error("broken")),
    },
    {
      title: "that rws closes",
      reason: "drain_timeout",
      act: ({ peer }) => peer.close(new SessionEnd("drain_timeout")),
    },
    {
      title: "that sends its request without a header",
      reason: "bad_proxy_header",
      detail: "starts with neither PROXY nor the version 2 signature",
      act: ({ far }) => far.write("G"),
    },
    {
      title: "that sends a bare LF",
      reason: "bad_proxy_header",
      detail: "bare LF",
      act: ({ far }) => far.write("PROXY UNKNOWN\n"),
    },
  ]
  for (const { title: fault, reason, detail = "", act, waits } of failing) {
    t.test(`reading a header from ${title} ${fault} fails: ${reason}`, async (t) => {
      const connection = await connect(t)
      const clock = new FakeClock()
      const reading = endOf(readProxyHeader(connection.peer, PATIENT_MS, clock))
      act(connection)
      if (waits) {
        await nextTurn()
        clock.advance(PATIENT_MS - 1)
        t.equal(clock.pending, 1, "there is still time")
        clock.advance(1)
      }
      const end = await reading
      t.equal(end.reason, reason)
      t.equal(end.detail, detail)
      t.equal(clock.pending, 0, "no timer is left")
    })
  }

  t.test(`${title} stays connected after an invalid header, so that a refusal can be written`, async (t) => {
    const { peer, far } = await connect(t)
    far.write("GET / HTTP/1.1\r\n")
    t.equal((await endOf(readProxyHeader(peer, PATIENT_MS))).reason, "bad_proxy_header")
    t.equal(peer.hasAborted, false)
    peer.socket.write("no")
    await far.untilText("no")
  })
}
