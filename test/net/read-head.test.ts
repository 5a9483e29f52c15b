import { setImmediate as nextTurn } from "node:timers/promises"
import t from "tap"
import { type CloseReason, SessionEnd } from "../../lib/close-reason.js"
import type { RequestHead, ResponseHead } from "../../lib/http/head.js"
import type { HeadKind } from "../../lib/http/head-scanner.js"
import { type HeadType, REQUEST, RESPONSE, readHead } from "../../lib/net/read-head.js"
import { FakeClock } from "../support/clock/fake-clock.js"
import { answerHead, upgradeHead } from "../support/http/heads.js"
import { dribble } from "../support/peers/dribble.js"
import { type ConnectionEnds, dialPeer, PEER_KINDS } from "../support/peers/peers.js"
import { RecordingHandler } from "../support/peers/recording-handler.js"
import { turnUntil } from "../support/pool/turns.js"
import { rejectionOf } from "../support/project/thrown.js"

const PATIENT = { maxBytes: 1000, timeoutMs: 60_000 }

interface Kind {
  readonly kind: HeadKind
  readonly head: string
  readonly type: HeadType<RequestHead | ResponseHead>
}

const KINDS: readonly Kind[] = [
  { kind: "request", head: upgradeHead(), type: REQUEST },
  { kind: "response", head: answerHead(), type: RESPONSE },
]

async function reasonOf(reading: Promise<unknown>): Promise<CloseReason | undefined> {
  const error = await rejectionOf(() => reading)
  return error instanceof SessionEnd ? error.reason : undefined
}

const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length

for (const { title, connect } of PEER_KINDS) {
  for (const { kind, head, type } of KINDS) {
    t.test(`a ${kind} head from ${title} is read, and the bytes after it are kept`, async (t) => {
      const { peer, far } = await connect(t)
      far.write(`${head}what follows`)
      t.equal((await readHead(peer, type, PATIENT)).text, head)
      t.equal(peer.stageBytes, 12)
      const handler = new RecordingHandler()
      peer.attach(handler)
      t.equal(handler.text, "what follows")
    })

    t.test(`a ${kind} head from ${title} that has already arrived is read`, async (t) => {
      const { peer, far } = await connect(t)
      far.write(head)
      await turnUntil(() => peer.stageBytes === head.length, "the whole head")
      t.equal((await readHead(peer, type, PATIENT)).text, head)
      t.equal(peer.stageBytes, 0)
    })

    t.test(`consecutive ${kind} heads from ${title} in one write are read one by one`, async (t) => {
      const { peer, far } = await connect(t)
      far.write(head.repeat(4))
      for (let left = 3; left >= 0; left--) {
        t.equal((await readHead(peer, type, PATIENT)).text, head)
        t.equal(peer.stageBytes, left * head.length)
      }
    })

    t.test(`a ${kind} head from ${title} is read byte by byte`, async (t) => {
      const { peer, far } = await connect(t)
      const reading = readHead(peer, type, PATIENT)
      await dribble(far, `${head}x`)
      t.equal((await reading).text, head)
      await turnUntil(() => peer.stageBytes === 1, "the byte behind the head")
    })

    t.test(`a ${kind} head from ${title} with a FIN right after it is read`, async (t) => {
      const { peer, far } = await connect(t)
      far.socket.end(`${head}rest`)
      await turnUntil(() => peer.ended, "the FIN")
      t.equal((await readHead(peer, type, PATIENT)).text, head)
      const handler = new RecordingHandler()
      peer.attach(handler)
      t.same(handler.calls, ["bytes", "end"])
      t.equal(handler.text, "rest")
    })

    const failing: readonly {
      title: string
      reason: CloseReason
      act: (connection: ConnectionEnds) => unknown
      limits?: typeof PATIENT
      waits?: true
    }[] = [
      { title: "that is silent", reason: type.timeout, act: () => {}, waits: true },
      {
        title: "that stalls within it",
        reason: type.timeout,
        act: ({ far }) => far.write(head.slice(0, -1)),
        waits: true,
      },
      { title: "that sends FIN first", reason: type.aborted, act: ({ far }) => far.socket.end() },
      {
        title: "that sends FIN within it",
        reason: type.aborted,
        act: ({ far }) => far.socket.end(head.slice(0, -1)),
      },
      {
        title: "that fails with an error",
        reason: type.aborted,
        act: ({ peer }) => peer.socket.destroy(new Error("broken")),
      },
      {
        title: "that rws closes",
        reason: "drain_timeout",
        act: ({ peer }) => peer.close(new SessionEnd("drain_timeout")),
      },
      { title: "that sends something else", reason: type.malformed, act: ({ far }) => far.write("\u0016") },
      {
        title: "that sends a bare LF",
        reason: type.malformed,
        act: ({ far }) => far.write(head.replace("\r\n", "\n")),
      },
      {
        title: "whose head is one byte too long",
        reason: type.tooLarge,
        act: ({ far }) => far.write(head),
        limits: { ...PATIENT, maxBytes: head.length - 1 },
      },
      {
        title: "whose head is endless",
        reason: type.tooLarge,
        act: ({ far }) => far.write(head.replace("\r\n\r\n", `\r\nX-Long: ${"x".repeat(PATIENT.maxBytes)}`)),
      },
    ]
    for (const { title: fault, reason, act, limits = PATIENT, waits } of failing) {
      t.test(`reading a ${kind} head from ${title} ${fault} fails: ${reason}`, async (t) => {
        const connection = await connect(t)
        const clock = new FakeClock()
        const reading = reasonOf(readHead(connection.peer, type, limits, clock))
        act(connection)
        if (waits) {
          await nextTurn()
          clock.advance(PATIENT.timeoutMs - 1)
          t.equal(clock.pending, 1, "there is still time")
          clock.advance(1)
        }
        t.equal(await reading, reason)
        t.equal(clock.pending, 0, "no timer is left")
      })
    }

    t.test(`a ${kind} head from ${title} of exactly the maximum length is read`, async (t) => {
      const { peer, far } = await connect(t)
      const before = timers()
      const reading = readHead(peer, type, { ...PATIENT, maxBytes: head.length })
      far.write(`${head}more`)
      t.equal((await reading).text.length, head.length)
      t.equal(timers(), before, "no timer is left")
    })

    t.test(
      `${title} stays connected after a timeout of its ${kind} head, so that a refusal can be written`,
      async (t) => {
        const { peer, far } = await connect(t)
        const clock = new FakeClock()
        const reading = reasonOf(readHead(peer, type, PATIENT, clock))
        clock.advance(PATIENT.timeoutMs)
        t.equal(await reading, type.timeout)
        t.equal(peer.hasAborted, false)
        peer.socket.write("too late")
        await far.untilText("too late")
        far.write("sorry")
        const handler = new RecordingHandler()
        peer.attach(handler)
        await handler.untilBytes(5)
        t.equal(handler.text, "sorry")
      },
    )
  }

  t.test(`reading a head from ${title} that has already closed fails`, async (t) => {
    const { peer, far } = await connect(t)
    far.socket.end()
    await turnUntil(() => peer.ended, "the FIN")
    t.equal(await reasonOf(readHead(peer, REQUEST, PATIENT)), "client_aborted_in_head")
  })
}

t.test("a head that was read owns its memory: bytes from other peers do not change it", async (t) => {
  const one = await dialPeer(t)
  const other = await dialPeer(t)
  const head = answerHead({ "X-Mine": "mine" })
  one.far.write(`${head}rest`)
  const read = await readHead(one.peer, RESPONSE, PATIENT)
  other.far.write("#".repeat(10_000))
  await turnUntil(() => other.peer.stageBytes === 10_000, "what the other one sends")
  t.equal(read.text, head)
  const handler = new RecordingHandler()
  one.peer.attach(handler)
  t.equal(handler.text, "rest")
})
