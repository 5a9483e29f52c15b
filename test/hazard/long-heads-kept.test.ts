/**
 * A tunnel may last for days, and the limits remember its client for longer. Neither may retain the request
 * head.
 */
import t from "tap"
import { type Fields, upgradeHead } from "../support/http/heads.js"
import { startEchoBackend } from "../support/peers/backend.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { type ForkedProxy, forkProxy } from "../support/program/fork-proxy.js"

const TUNNELS = 200
const PAD_BYTES = 7000
const MOST_BYTES = PAD_BYTES / 3

/**
 * Distinct addresses of 15 characters: V8 copies substrings of fewer than 13 characters, while longer ones
 * keep the whole string alive.
 */
const ip = (index: number) => `192.168.${100 + (index % 150)}.${100 + Math.floor(index / 150)}`
const ip6 = (index: number) => `2001:db8:0:${(4096 + index).toString(16)}::1`

interface Case {
  readonly title: string
  readonly path?: string
  readonly fields?: (index: number) => Fields
}

const cases: readonly Case[] = [
  { title: "no forwarding fields" },
  { title: "an X-Forwarded-For", fields: (index) => ({ "X-Forwarded-For": `10.0.0.1, ${ip(index)}` }) },
  {
    title: "a port in its X-Forwarded-For",
    fields: (index) => ({ "X-Forwarded-For": `10.0.0.1, ${ip(index)}:40001` }),
  },
  {
    title: "IPv6 in its X-Forwarded-For",
    fields: (index) => ({ "X-Forwarded-For": `[${ip6(index)}]:40001` }),
  },
  { title: "a Forwarded", fields: (index) => ({ Forwarded: `for=10.0.0.1, for=${ip(index)};proto=https` }) },
  { title: "a port in its Forwarded", fields: (index) => ({ Forwarded: `for="${ip(index)}:40001"` }) },
  {
    title: "a Host, an Origin and a User-Agent of its own",
    fields: (index) => ({
      Host: `host-${index}.of-many.example`,
      Origin: `https://host-${index}.of-many.example`,
      "User-Agent": `a client of many, number ${index}`,
    }),
  },
  {
    title: "a traceparent and an X-Request-ID",
    fields: (index) => ({
      "X-Request-ID": `a-request-of-many-${index}`,
      traceparent: `00-${String(index).padStart(32, "1")}-00f067aa0ba902b7-01`,
    }),
  },
  { title: "a long path", path: `/${"p".repeat(PAD_BYTES)}` },
]

/** Opens tunnels one by one and returns their clients. */
async function openTunnels(proxy: ForkedProxy, headOf: (index: number) => string): Promise<RawPeer[]> {
  const clients: RawPeer[] = []
  for (let index = 0; index < TUNNELS; index++) {
    const client = await RawPeer.connect(proxy.address)
    clients.push(await client.write(headOf(index)).untilText("\r\n\r\n"))
  }
  return clients
}

const PADDING = { "X-Pad": "x".repeat(PAD_BYTES) }
const SHORT_PATH = "/a/path/that/is/long/enough/to/be/kept/as/a/part/of/the/head"
const LIMITS = {
  trusted_proxies: ["127.0.0.1"],
  max_connections_per_ip: 100_000,
  rate_per_ip: "100000/h",
  max_head_bytes: 16_384,
}

/** One proxy for all cases: starting one takes longer than a case. */
const backend = await startEchoBackend(t, PADDING)
const proxy = await forkProxy(t, { backends: [backend.address], ...LIMITS })
let ended = 0

/** Bytes held per tunnel, on average over many with such heads. Closes them and waits for their end. */
async function bytesPerTunnel(headOf: (index: number) => string): Promise<number> {
  const before = await proxy.order({ measureAfter: ended })
  const clients = await openTunnels(proxy, headOf)
  const after = await proxy.order({ measureAfter: ended })
  for (const { socket } of clients) socket.destroy()
  ended += TUNNELS
  await proxy.order({ measureAfter: ended })
  return (after.heldBytes - before.heldBytes) / TUNNELS
}

// The first tunnels include one-time compilation and allocation.
await bytesPerTunnel(() => upgradeHead())

for (const { title, path = SHORT_PATH, fields = () => ({}) } of cases) {
  t.test(
    `a tunnel whose long head had ${title} holds no more memory than one with a short head`,
    async (t) => {
      const ofShort = await bytesPerTunnel((index) =>
        upgradeHead(fields(index), `GET ${SHORT_PATH} HTTP/1.1`),
      )
      const ofLong = await bytesPerTunnel((index) =>
        upgradeHead({ ...fields(index + TUNNELS), ...PADDING }, `GET ${path}?query HTTP/1.1`),
      )
      t.ok(ofLong - ofShort < MOST_BYTES, "the head is gone", { ofShort, ofLong })
    },
  )
}

t.test("an address that the limits remember retains nothing of the head that contained it", async (t) => {
  const backend = await startEchoBackend(t)
  // A bucket that takes an hour to fill, so that no address is forgotten during the test.
  const limits = { ...LIMITS, rate_per_ip: "1/h", rate_burst: 100_000 }
  const proxy = await forkProxy(t, { backends: [backend.address], ...limits })
  let ended = 0
  const measure = async (headOf: (index: number) => string) => {
    for (const { socket } of await openTunnels(proxy, headOf)) socket.end()
    ended += TUNNELS
    return (await proxy.order({ measureAfter: ended })).heldBytes
  }
  const headOf = (index: number) => upgradeHead({ "X-Forwarded-For": ip(index), ...PADDING })
  // The first rounds include one-time compilation and allocation.
  for (const round of [0, 1]) await measure((index) => headOf(index + round * TUNNELS))
  const before = await measure((index) => headOf(index + 2 * TUNNELS))
  for (const round of [3, 4]) await measure((index) => headOf(index + round * TUNNELS))
  const after = await measure((index) => headOf(index + 5 * TUNNELS))
  const ofAddress = (after - before) / (3 * TUNNELS)
  t.ok(ofAddress < MOST_BYTES, "the head is gone", { ofAddress })
})
