/** Tunnels that rws ends with Close frames, seen by a real client and a real server. */
import { randomBytes } from "node:crypto"
import { once } from "node:events"
import t, { type Test } from "tap"
import {
  closeOf,
  connectPair,
  messagesOf,
  type Pair,
  startWsBackend,
} from "../../support/peers/ws-backend.js"
import { type Settings, startProxy } from "../../support/program/proxy.js"

const KiB = 1024
const SETTINGS = { close_frames: true, drain_spread_ms: 0 }

async function startPair(t: Test, settings: Partial<Settings>, compressed = false) {
  const options = { perMessageDeflate: compressed }
  const backend = await startWsBackend(t, undefined, options)
  const proxy = await startProxy(t, { backends: [backend.address], ...settings })
  const pair = await connectPair(t, `ws://${proxy.address()}/chat`, backend, options)
  return { proxy, pair }
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
      const { proxy, pair } = await startPair(t, SETTINGS, compressed)
      const next = messagesOf(pair.backend)
      pair.client.send("hello")
      t.equal(String((await next()).data), "hello")
      const closes = closesOf(pair)
      t.equal(await proxy.close(1), 1)
      t.strictSame(await closes, AS_CONFIGURED)
    },
  )
}

t.test("messages flow in both directions until the drain closes the tunnel, all of them whole", async (t) => {
  const { proxy, pair } = await startPair(t, SETTINGS)
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
  await proxy.close(1)
  t.strictSame(await closes, AS_CONFIGURED, "so no frame was broken")
})

t.test("an idle timeout closes in the same way", async (t) => {
  const { proxy, pair } = await startPair(t, { ...SETTINGS, idle_timeout_ms: 100 })
  t.strictSame(await closesOf(pair), AS_CONFIGURED)
  t.equal(await proxy.close(), 0)
})

t.test("the codes can be configured", async (t) => {
  const codes = { client_close_code: 4000, backend_close_code: 3001 }
  const { pair } = await startPair(t, { ...SETTINGS, ...codes, max_lifetime_ms: 50 })
  t.strictSame(await closesOf(pair), [
    { code: 4000, reason: "" },
    { code: 3001, reason: "" },
  ])
})

t.test("peers that close by themselves get each other's code", async (t) => {
  const { pair } = await startPair(t, SETTINGS)
  const closes = closesOf(pair)
  pair.client.close(3000, "bye")
  t.strictSame(await closes, [
    { code: 3000, reason: "bye" },
    { code: 3000, reason: "bye" },
  ])
})
