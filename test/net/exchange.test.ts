import t from "tap"
import { SessionEnd } from "../../lib/close-reason.js"
import { exchange } from "../../lib/net/exchange.js"
import { FakeClock } from "../support/clock/fake-clock.js"
import { dialPeer } from "../support/peers/peers.js"
import { RecordingHandler } from "../support/peers/recording-handler.js"
import { rejectionOf } from "../support/project/thrown.js"

const REQUEST = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"
const PATIENT_MS = 60_000

async function reasonOf(exchanging: Promise<unknown>): Promise<string> {
  const error = await rejectionOf(() => exchanging)
  return error instanceof SessionEnd ? error.reason : String(error)
}

t.test(
  "an exchange writes the request, and leaves bytes after the response head with the connection",
  async (t) => {
    const { peer, far } = await dialPeer(t)
    const exchanging = exchange(peer, REQUEST, PATIENT_MS)
    await far.untilText(REQUEST)
    far.write(`${OK}body`)
    const head = await exchanging
    t.equal(head.status, 200)
    t.equal(head.text, OK)
    const handler = new RecordingHandler()
    peer.attach(handler)
    await handler.untilBytes(4)
    t.equal(handler.text, "body")
  },
)

t.test("interim responses are skipped, and a 101 is final", async (t) => {
  const { peer, far } = await dialPeer(t)
  const exchanging = exchange(peer, REQUEST, PATIENT_MS)
  far.write(
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 101 Go\r\n\r\n",
  )
  t.equal((await exchanging).status, 101)
})

t.test("all heads of a response share one limit", async (t) => {
  const { peer, far } = await dialPeer(t)
  const exchanging = reasonOf(exchange(peer, REQUEST, PATIENT_MS))
  far.write(`HTTP/1.1 103 Early Hints\r\nX: ${"x".repeat(8000)}\r\n\r\n`.repeat(3))
  t.equal(await exchanging, "response_too_large")
})

t.test("all heads of a response share one deadline", async (t) => {
  const clock = new FakeClock()
  const { peer, far } = await dialPeer(t)
  const exchanging = reasonOf(exchange(peer, REQUEST, 1000, clock))
  clock.advance(600)
  far.write("HTTP/1.1 100 Continue\r\n\r\n")
  while (peer.socket.bytesRead === 0) await new Promise(setImmediate)
  await new Promise(setImmediate)
  t.equal(clock.pending, 1)
  clock.advance(400)
  t.equal(await exchanging, "handshake_timeout")
  t.equal(clock.pending, 0)
})

for (const { title, act, reason } of [
  { title: "that closes", act: (end: () => void) => end(), reason: "no_response" },
  {
    title: "that sends something else",
    act: (_: () => void, write: (text: string) => void) => write("SSH-2.0\r\n"),
    reason: "bad_response",
  },
]) {
  t.test(`a backend ${title} is a ${reason}`, async (t) => {
    const { peer, far } = await dialPeer(t)
    const exchanging = reasonOf(exchange(peer, REQUEST, PATIENT_MS))
    act(
      () => far.socket.end(),
      (text) => far.write(text),
    )
    t.equal(await exchanging, reason)
  })
}
