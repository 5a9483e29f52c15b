import { randomBytes } from "node:crypto"
import { once } from "node:events"
import t from "tap"
import { closeOf, connectPair, messagesOf, startWsBackend } from "../../support/peers/ws-backend.js"
import { serveRws, untilLogged } from "../../support/program/program.js"

const MIB = 1024 * 1024
const ALL_BYTES = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))

const backend = await startWsBackend(t, undefined, { perMessageDeflate: { threshold: 0 } })
const { rws, address } = await serveRws(t, [backend.address])
const url = `ws://${address}/chat`
const PLAIN = { perMessageDeflate: false }

const MESSAGES = [
  ["an empty text", ""],
  ["a text", "hello"],
  ["a text of many alphabets", "grüße, ελληνικά, 日本語, 🙂"],
  ["a text of 126 bytes, the first with a 16-bit length", "x".repeat(126)],
  ["a text of 65536 bytes, the first with a 64-bit length", "y".repeat(65536)],
  ["an empty binary message", Buffer.alloc(0)],
  ["a binary message of every byte", ALL_BYTES],
  ["a binary message that looks like HTTP", Buffer.from("GET / HTTP/1.1\r\nHost: a\r\n\r\n")],
  ["a binary message of 8 MiB", randomBytes(8 * MIB)],
] as const

for (const compressed of [false, true]) {
  const how = compressed ? "with permessage-deflate" : "without extensions"
  for (const [what, message] of MESSAGES) {
    t.test(`${what} arrives unchanged in both directions, ${how}`, async (t) => {
      const { client, backend: far } = await connectPair(t, url, backend, { perMessageDeflate: compressed })
      t.equal(client.extensions, compressed ? "permessage-deflate" : "")
      t.equal(far.extensions, client.extensions)
      for (const [from, to] of [
        [client, far],
        [far, client],
      ] as const) {
        const next = messagesOf(to)
        from.send(message)
        const { data, binary } = await next()
        t.equal(binary, typeof message !== "string")
        t.ok(data.equals(Buffer.from(message)), "the same bytes")
      }
    })
  }
}

t.test("8 MiB in both directions at once arrive whole", async (t) => {
  const { client, backend: far } = await connectPair(t, url, backend, PLAIN)
  const [toBackend, toClient] = [randomBytes(8 * MIB), randomBytes(8 * MIB)]
  const [atBackend, atClient] = [messagesOf(far), messagesOf(client)]
  client.send(toBackend)
  far.send(toClient)
  t.ok((await atBackend()).data.equals(toBackend))
  t.ok((await atClient()).data.equals(toClient))
})

t.test("messages keep their order and boundaries", async (t) => {
  const { client, backend: far } = await connectPair(t, url, backend, PLAIN)
  const sent = Array.from({ length: 1000 }, (_, index) => `${index} ${"z".repeat((index * 37) % 300)}`)
  const next = messagesOf(far)
  for (const message of sent) client.send(message)
  const received: string[] = []
  while (received.length < sent.length) received.push(String((await next()).data))
  t.strictSame(received, sent)
})

t.test(
  "a fragmented message arrives as one message, and a ping between fragments gets its pong",
  async (t) => {
    const { client, backend: far } = await connectPair(t, url, backend, PLAIN)
    for (const [from, to] of [
      [client, far],
      [far, client],
    ] as const) {
      const next = messagesOf(to)
      from.send("one ", { fin: false })
      from.send("two ", { fin: false })
      const pong = once(from, "pong")
      from.ping("between")
      t.equal(String((await pong)[0]), "between")
      from.send("three", { fin: true })
      t.equal(String((await next()).data), "one two three")
    }
  },
)

t.test(
  "compressible data takes few bytes in the tunnel, since permessage-deflate is left to the peers",
  async (t) => {
    const { client, backend: far } = await connectPair(t, `ws://${address}/compressed`, backend)
    const next = messagesOf(far)
    client.send("a".repeat(MIB))
    t.equal((await next()).data.length, MIB)
    client.close()
    const line = await untilLogged(rws, ({ path }) => path === "/compressed")
    t.ok(Number(line.bytes_from_client) < MIB / 100, `${line.bytes_from_client} bytes for ${MIB}`)
  },
)

t.test("pings of either side reach the other, and the pongs return the same bytes", async (t) => {
  const { client, backend: far } = await connectPair(t, url, backend, PLAIN)
  for (const [from, to] of [
    [client, far],
    [far, client],
  ] as const) {
    const seen = Promise.all([once(to, "ping"), once(from, "pong")])
    from.ping("are you there?")
    const [[ping], [pong]] = await seen
    t.equal(String(ping), "are you there?")
    t.equal(String(pong), "are you there?")
  }
})

const CLOSES = [
  ["the code for a normal end", 1000, "done"],
  ["the code for going away", 1001, ""],
  ["the code for a policy violation", 1008, "no"],
  ["the code for an internal error", 1011, "oops"],
  ["a registered code", 3000, "unauthorized"],
  ["a private code with the longest reason", 4999, "ü".repeat(61)],
] as const

for (const side of ["client", "backend"] as const) {
  for (const [what, code, reason] of CLOSES) {
    t.test(`${what} (${code}) from the ${side} reaches the other side and is echoed`, async (t) => {
      const pair = await connectPair(t, url, backend, PLAIN)
      const ends = Promise.all([closeOf(pair.client), closeOf(pair.backend)])
      pair[side].close(code, reason)
      t.strictSame(await ends, [
        { code, reason },
        { code, reason },
      ])
    })
  }

  t.test(`a Close frame without a code from the ${side} reaches the other side unchanged`, async (t) => {
    const pair = await connectPair(t, url, backend, PLAIN)
    const ends = Promise.all([closeOf(pair.client), closeOf(pair.backend)])
    pair[side].close()
    t.strictSame(await ends, [
      { code: 1005, reason: "" },
      { code: 1005, reason: "" },
    ])
  })

  t.test(`a ${side} that closes without a Close frame is a 1006 to the other side`, async (t) => {
    const pair = await connectPair(t, url, backend, PLAIN)
    const far = side === "client" ? pair.backend : pair.client
    const end = closeOf(far)
    pair[side].terminate()
    t.equal((await end).code, 1006)
  })
}
