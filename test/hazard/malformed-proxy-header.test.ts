import t from "tap"
import { upgradeHead } from "../support/http/heads.js"
import { answerUpgrade, startBackend } from "../support/peers/backend.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { startClockedProxy } from "../support/program/clocked-proxy.js"
import { nextRefusal, startProxy } from "../support/program/proxy.js"

const TIMEOUT_MS = 10_000

const SIGNATURE = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1")
const block = (...bytes: number[]) => Buffer.concat([SIGNATURE, Buffer.from(bytes)])
const ADDRESSES = [192, 0, 2, 1, 198, 51, 100, 1, 0x10, 0, 0, 80]
const GOOD_LINE = "PROXY TCP4 192.0.2.1 198.51.100.1 4096 80\r\n"

const malformed: readonly [title: string, header: string | Buffer][] = [
  ["no header at all", ""],
  ["lower case", "proxy TCP4 192.0.2.1 198.51.100.1 4096 80\r\n"],
  ["two spaces", "PROXY  TCP4 192.0.2.1 198.51.100.1 4096 80\r\n"],
  ["an unknown protocol", "PROXY UDP4 192.0.2.1 198.51.100.1 4096 80\r\n"],
  ["an address of the other family", "PROXY TCP4 ::1 198.51.100.1 4096 80\r\n"],
  ["a host name instead of an address", "PROXY TCP4 localhost 198.51.100.1 4096 80\r\n"],
  ["an octet too big", "PROXY TCP4 192.0.2.256 198.51.100.1 4096 80\r\n"],
  ["an octet with a leading zero", "PROXY TCP4 192.0.02.1 198.51.100.1 4096 80\r\n"],
  ["a port too big", "PROXY TCP4 192.0.2.1 198.51.100.1 65536 80\r\n"],
  ["a port with a leading zero", "PROXY TCP4 192.0.2.1 198.51.100.1 04096 80\r\n"],
  ["a port that is not a number", "PROXY TCP4 192.0.2.1 198.51.100.1 -1 80\r\n"],
  ["a missing port", "PROXY TCP4 192.0.2.1 198.51.100.1 4096\r\n"],
  ["text after the ports", "PROXY TCP4 192.0.2.1 198.51.100.1 4096 80 1\r\n"],
  ["a bare LF", "PROXY TCP4 192.0.2.1 198.51.100.1 4096 80\n"],
  ["more than 107 bytes", `PROXY UNKNOWN ${"a".repeat(100)}\r\n`],
  ["two headers", GOOD_LINE + GOOD_LINE],
  ["a signature with a wrong byte", Buffer.concat([SIGNATURE.subarray(0, 11), Buffer.from([0x0b])])],
  ["version 1 in a binary header", block(0x11, 0x11, 0, 12, ...ADDRESSES)],
  ["an unknown command", block(0x22, 0x11, 0, 12, ...ADDRESSES)],
  ["datagrams", block(0x21, 0x12, 0, 12, ...ADDRESSES)],
  ["an unknown family in version 2", block(0x21, 0x41, 0, 12, ...ADDRESSES)],
  ["a length too short for its addresses", block(0x21, 0x11, 0, 11, ...ADDRESSES)],
  ["an excessive length", block(0x21, 0x11, 0xff, 0xff, ...ADDRESSES)],
  ["a truncated TLV", block(0x21, 0x11, 0, 14, ...ADDRESSES, 0x04, 0x00)],
  ["a TLV longer than the block", block(0x21, 0x11, 0, 15, ...ADDRESSES, 0x04, 0x00, 0x09)],
  ["a bad checksum", block(0x21, 0x11, 0, 19, ...ADDRESSES, 0x03, 0x00, 0x04, 1, 2, 3, 4)],
]

for (const [title, header] of malformed) {
  t.test(`a PROXY header with ${title} is a 400, and nothing reaches a backend`, async (t) => {
    const backend = await startBackend(t)
    const proxy = await startProxy(t, {
      backends: [backend.address],
      trusted_proxies: ["127.0.0.1"],
      accept_proxy_protocol: true,
    })
    const refusal = nextRefusal(proxy)
    const client = await RawPeer.connect(proxy.address())
    client.write(header)
    await client.write(upgradeHead()).untilEnd()
    t.match(client.text, /^HTTP\/1\.1 400 [\s\S]*\r\n\r\nthe [^\r\n]+\n$/)
    // After a valid header a request must follow, and a second header is not one.
    t.equal((await refusal).reason, title === "two headers" ? "bad_request" : "bad_proxy_header")
    t.equal(backend.peers.length, 0)
  })
}

t.test("a PROXY header from an untrusted peer is a bad request, and sets no client address", async (t) => {
  const backend = await startBackend(t)
  const proxy = await startProxy(t, {
    backends: [backend.address],
    trusted_proxies: ["192.0.2.1"],
    accept_proxy_protocol: true,
  })
  const refusal = nextRefusal(proxy)
  const client = await RawPeer.connect(proxy.address())
  await client.write(GOOD_LINE + upgradeHead()).untilEnd()
  t.match(client.text, /^HTTP\/1\.1 400 /)
  t.match(await refusal, { reason: "bad_request", client: /^127\.0\.0\.1:/, via: undefined })
  t.equal(backend.peers.length, 0)
})

t.test("a PROXY header that does not arrive in time is a 408", async (t) => {
  const proxy = await startClockedProxy(t, {
    backends: ["127.0.0.1:9"],
    trusted_proxies: ["127.0.0.1"],
    accept_proxy_protocol: true,
    read_timeout_ms: TIMEOUT_MS,
  })
  const client = await RawPeer.connect(proxy.address())
  client.write("PROXY TCP4 ")
  await proxy.untilSessions(1)
  proxy.clock.advance(TIMEOUT_MS)
  await client.untilEnd()
  t.match(client.text, /^HTTP\/1\.1 408 /)
})

t.test("after a LOCAL header the connection's own addresses apply", async (t) => {
  const backend = await startBackend(t, (peer) => void answerUpgrade(peer))
  const proxy = await startProxy(t, {
    backends: [backend.address],
    trusted_proxies: ["127.0.0.1"],
    accept_proxy_protocol: true,
  })
  const client = await RawPeer.connect(proxy.address())
  client.write(Buffer.concat([block(0x20, 0x00, 0, 0), Buffer.from(upgradeHead())]))
  await client.untilText("101 ")
  t.match((await backend.peer()).text, /^X-Forwarded-For: 127\.0\.0\.1\r$/m)
})
