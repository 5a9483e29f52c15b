/** RFC 9113 §3.4. A TLS terminator that negotiates h2 sends this preface; the response says how to fix it. */
import t from "tap"
import { startBackend } from "../support/peers/backend.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { nextRefusal, startProxy } from "../support/program/proxy.js"

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
const SETTINGS_FRAME = "\0\0\0\x04\0\0\0\0\0"

const arrivals: { title: string; pieces: string[] }[] = [
  { title: "the preface with its first frame", pieces: [PREFACE + SETTINGS_FRAME] },
  { title: "the preface alone", pieces: [PREFACE] },
  { title: "the first line of the preface", pieces: ["PRI * HTTP/2.0\r\n"] },
  { title: "the preface byte by byte", pieces: Array.from(PREFACE) },
]

for (const { title, pieces } of arrivals) {
  t.test(`a client that sends ${title} is told to offer only http/1.1 in ALPN`, async (t) => {
    const backend = await startBackend(t)
    const proxy = await startProxy(t, { backends: [backend.address] })
    const refusal = nextRefusal(proxy)
    const client = await RawPeer.connect(proxy.address())
    for (const piece of pieces) client.write(piece)
    await client.untilEnd()
    client.socket.end()
    t.match(client.text, /^HTTP\/1\.1 400 Bad Request\r\n/)
    t.match(client.text, /\r\n\r\n.*HTTP\/2.*only http\/1\.1.*ALPN.*\n$/)
    t.match(await refusal, { status: 400, reason: "bad_request", who: "client" })
    t.equal(backend.peers.length, 0)
  })
}
