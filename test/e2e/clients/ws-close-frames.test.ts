/** Tunnels that rws ends with Close frames, seen by a real client and a real server. */
import { randomBytes } from "node:crypto"
import { once } from "node:events"
import t, { type Test } from "tap"
import { type Pair, closeOf, connectPair, messagesOf, startWsBackend } from "../../support/peers/ws-backend.js"
import { logOf, serveRws } from "../../support/program/program.js"

const KiB = 1024
const CLOSE_FRAMES = ["--close-frames", "--drain-timeout-ms", "1", "--drain-spread-ms", "0"]

async function servePair(t: Test, flags: readonly string[], compressed = false) {
  const backend = await startWsBackend(t, undefined, { perMessageDeflate: compressed })
  const { rws, address } = await serveRws(t, [backend.address], flags)
  const pair = await connectPair(t, `ws://${address}/chat`, backend, { perMessageDeflate: compressed })
  return { rws, pair }
}

function closesOf({ client, backend }: Pair) {
  return Promise.all([closeOf(client), closeOf(backend)])
}

const AS_CONFIGURED = [
  { code: 1012, reason: "" },
  { code: 1001, reason: "" },
]

for (const compressed of [false, true]) {
  t.test(
    `a drain closes an idle tunnel with 1012 to the client and 1001 to the backend, ${compressed ? "" : "not "}compressed`,
    async (t) => {
      const { rws, pair } = await servePair(t, CLOSE_FRAMES, compressed)
      const next = messagesOf(pair.backend)
      pair.client.send("hello")
      t.equal(String((await next()).data), "hello")
      const closes = closesOf(pair)
      rws.signal("SIGTERM")
      t.strictSame(await closes, AS_CONFIGURED)
      t.strictSame(await rws.untilExit(), { code: 3, signal: null })
      t.match(logOf(rws).at(-1), { cut: 1 })
    },
  )
}

t.test("messages flow in both directions until the drain closes the tunnel, all of them whole", async (t) => {
  const { rws, pair } = await servePair(t, CLOSE_FRAMES)
  const closes = closesOf(pair)
  const payload = randomBytes(100 * KiB)
  const received = { client: 0, backend: 0 }
  for (const side of ["client", "backend"] as const) {
    const socket = pair[side]
    socket.on("message", (data: Buffer) => {
      if (data.equals(payload)) received[side]++
    })
    const send = () => {
      if (socket.readyState === socket.OPEN) socket.send(payload, () => setImmediate(send))
    }
    send()
  }
  while (received.client < 20) await once(pair.client, "message")
  while (received.backend < 20) await once(pair.backend, "message")
  rws.signal("SIGTERM")
  t.strictSame(await closes, AS_CONFIGURED, "so no frame was broken")
  t.ok(received.client >= 20 && received.backend >= 20)
  await rws.untilExit()
})

t.test("an idle timeout closes in the same way", async (t) => {
  const { rws, pair } = await servePair(t, ["--close-frames", "--idle-timeout-ms", "100"])
  t.strictSame(await closesOf(pair), AS_CONFIGURED)
  rws.signal("SIGTERM")
  t.strictSame(await rws.untilExit(), { code: 0, signal: null })
})

t.test("the codes can be configured", async (t) => {
  const codes = ["--client-close-code", "4000", "--backend-close-code", "3001"]
  const { pair } = await servePair(t, ["--close-frames", "--max-lifetime-ms", "50", ...codes])
  t.strictSame(await closesOf(pair), [
    { code: 4000, reason: "" },
    { code: 3001, reason: "" },
  ])
})

t.test("peers that close by themselves get each other's code", async (t) => {
  const { pair } = await servePair(t, ["--close-frames"])
  const closes = closesOf(pair)
  pair.client.close(3000, "bye")
  t.strictSame(await closes, [
    { code: 3000, reason: "bye" },
    { code: 3000, reason: "bye" },
  ])
})
