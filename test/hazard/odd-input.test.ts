/** Any input gets a valid response or a close, and the next client is served as usual. */
import t from "tap"
import { createProxy } from "../../lib/index.js"
import { answerHead, upgradeHead } from "../support/http/heads.js"
import { answerUpgrade, startBackend, startEchoBackend } from "../support/peers/backend.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { collectLog } from "../support/program/log-lines.js"
import { openTunnel, SHORT_MS, startProxy } from "../support/program/proxy.js"
import { between, oneOf, type Random, seededRandom } from "../support/project/random.js"

const SEED = 20_261_120
const INPUTS = 800
const AT_ONCE = 25

const PIECES = [
  "\r",
  "\n",
  "\r\n",
  "\r\n\r\n",
  "\0",
  " ",
  "\t",
  ":",
  ",",
  ";",
  "#",
  "?",
  "/",
  "%00",
  "\xff",
  "\x7f",
  "HTTP/1.1",
  "GET ",
  "Host: b\r\n",
  "Content-Length: 5\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Upgrade: websocket\r\n",
  "Connection: Upgrade\r\n",
  "Sec-WebSocket-Key: x\r\n",
  "x".repeat(9000),
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
] as const

function randomBytes(random: Random, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => between(random, 0, 255)))
}

/** A valid head with parts replaced, inserted, removed, duplicated or truncated. */
function mutate(head: string, random: Random): Buffer {
  let bytes = Buffer.from(head, "latin1")
  for (let times = between(random, 1, 3); times > 0; times--) {
    const at = between(random, 0, bytes.length)
    const to = Math.min(bytes.length, at + between(random, 0, 19))
    const before = bytes.subarray(0, at)
    const after = bytes.subarray(at)
    const change = between(random, 0, 5)
    if (change === 0) bytes = Buffer.concat([before, randomBytes(random, 1), bytes.subarray(at + 1)])
    else if (change === 1)
      bytes = Buffer.concat([before, Buffer.from(oneOf(random, PIECES), "latin1"), after])
    else if (change === 2) bytes = Buffer.concat([before, bytes.subarray(to)])
    else if (change === 3) bytes = Buffer.concat([before, bytes.subarray(at, to), after])
    else if (change === 4) bytes = before
    else bytes = Buffer.concat([before, randomBytes(random, between(random, 0, 39)), after])
  }
  return bytes
}

const kinds = [
  { title: "random bytes", make: (random: Random) => randomBytes(random, between(random, 1, 300)) },
  { title: "mutated request heads", make: (random: Random) => mutate(upgradeHead(), random) },
] as const

for (const { title, make } of kinds) {
  t.test(
    `${INPUTS} clients that send ${title} get a response or a close, and the next one is served`,
    async (t) => {
      const random = seededRandom(SEED)
      const backend = await startEchoBackend(t)
      const { log, lines } = collectLog()
      const listener = { bind: "127.0.0.1:0", backends: [backend.address], read_timeout_ms: SHORT_MS }
      const proxy = await createProxy({ ws_proxy: [listener] }, { log })
      t.teardown(() => proxy.close(0))
      const statuses = new Map<string, number>()
      let left = INPUTS
      const sendSome = async () => {
        while (left-- > 0) {
          const input = make(random)
          const client = await RawPeer.connect(proxy.address())
          client.write(input)
          await client.until(({ ended, text }) => ended || text.includes("\r\n\r\n"))
          client.socket.end()
          await client.untilClosed()
          const [, status = "no"] = /^HTTP\/1\.1 (\d{3}) [^\r\n]*\r\n/.exec(client.text) ?? []
          statuses.set(status, (statuses.get(status) ?? 0) + 1)
          const { text: got } = client
          const shown = { input: input.toString("latin1"), got }
          if (!/^(101|400|408|426|431)$/.test(status)) t.fail(`status ${status} for odd input`, shown)
          if (status.startsWith("4") && !got.endsWith("\n")) t.fail("the refusal is truncated", shown)
        }
      }
      await Promise.all(Array.from({ length: AT_ONCE }, sendSome))
      t.comment(Object.fromEntries(statuses))
      t.ok((statuses.get("400") ?? 0) > INPUTS / 4, "most were refused", {
        statuses: Object.fromEntries(statuses),
      })
      t.same(
        lines.filter(({ reason }) => reason === "internal_error"),
        [],
        "none of them was an internal error",
      )
      const client = await openTunnel(proxy)
      client.write("still serving")
      await client.untilText("still serving")
      for (const peer of backend.peers) {
        const [requestLine = ""] = peer.text.split("\r\n")
        if (!/^GET \/[\x21-\x7e]* HTTP\/1\.1$/.test(requestLine))
          t.fail("an invalid request was forwarded", { requestLine })
      }
    },
  )
}

const responses = [
  { title: "random bytes", make: (random: Random) => randomBytes(random, between(random, 1, 300)) },
  { title: "mutated 101s", make: (random: Random) => mutate(answerHead(), random) },
  {
    title: "mutated refusals",
    make: (random: Random) =>
      mutate("HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nno!\r\n0\r\n\r\n", random),
  },
] as const

for (const { title, make } of responses) {
  t.test(`${INPUTS} responses of ${title} leave no session behind`, async (t) => {
    const random = seededRandom(SEED)
    let odd = true
    const backend = await startBackend(t, (peer) => {
      if (!odd) return void answerUpgrade(peer)
      peer.untilText("\r\n\r\n").then(
        () => peer.socket.end(make(random)),
        () => {},
      )
    })
    const { log, lines } = collectLog()
    const proxy = await createProxy(
      { ws_proxy: [{ bind: "127.0.0.1:0", backends: [backend.address] }] },
      { log },
    )
    t.teardown(() => proxy.close(0))
    let left = INPUTS
    const askSome = async () => {
      while (left-- > 0) {
        const client = await RawPeer.connect(proxy.address())
        client.write(upgradeHead())
        await client.until(({ ended, closed }) => ended || closed)
        client.socket.end()
        await client.untilClosed()
        if (client.text !== "" && !/^HTTP\/1\.1 [1-9]\d\d [^\r\n]*\r\n/.test(client.text))
          t.fail("an invalid response was passed on", { got: client.text })
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, askSome))
    t.same(
      lines.filter(({ reason }) => reason === "internal_error"),
      [],
      "none of them was an internal error",
    )
    odd = false
    t.match((await openTunnel(proxy)).text, /^HTTP\/1\.1 101 /)
  })
}

t.test("a client that resets before it is accepted leaves nothing behind", async (t) => {
  const backend = await startEchoBackend(t)
  const proxy = await startProxy(t, { backends: [backend.address] })
  let ended = 0
  const all = new Promise<void>((resolve) => {
    proxy.on("end", () => {
      if (++ended === 100) resolve()
    })
  })
  for (let i = 0; i < 100; i++) {
    const client = await RawPeer.connect(proxy.address())
    client.socket.resetAndDestroy()
  }
  await all
  t.match((await openTunnel(proxy)).text, /^HTTP\/1\.1 101 /)
})
