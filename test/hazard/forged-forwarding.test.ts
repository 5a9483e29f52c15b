import t from "tap"
import { type Fields, upgradeHead } from "../support/http/heads.js"
import { answerUpgrade, startBackend } from "../support/peers/backend.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { nextRefusal, openTunnel, startProxy } from "../support/program/proxy.js"

const FORGED: Fields = {
  "X-Forwarded-For": ["203.0.113.9", "10.0.0.1"],
  "X-Forwarded-Host": "bank.example",
  "X-Forwarded-Proto": "https",
  "X-Forwarded-Port": "443",
  "X-Forwarded-Prefix": "/admin",
  "X-Real-IP": "203.0.113.9",
  Forwarded: "for=203.0.113.9;proto=https",
  X_Forwarded_For: "203.0.113.9",
  "X.Forwarded.Proto": "https",
}

for (const forwarded of ["x-forwarded", "rfc7239", "both"] as const) {
  t.test(
    `forwarding fields of an untrusted client reach no backend with forwarded = ${forwarded}`,
    async (t) => {
      const backend = await startBackend(t, (peer) => void answerUpgrade(peer))
      const proxy = await startProxy(t, {
        backends: [backend.address],
        forwarded,
        trusted_proxies: ["192.0.2.1"],
      })
      await openTunnel(proxy, upgradeHead(FORGED))
      const { text } = await backend.peer()
      t.notMatch(text, /203\.0\.113|10\.0\.0\.1|bank|https|\b443\b|admin/)
      t.match(
        text,
        forwarded === "rfc7239" ? /^Forwarded: for=127\.0\.0\.1;/m : /^X-Forwarded-For: 127\.0\.0\.1\r$/m,
      )
    },
  )
}

const malformed: readonly [name: string, value: string][] = [
  ["X-Forwarded-For", "nobody"],
  ["X-Forwarded-For", "203.0.113.9, 1.2.3"],
  ["X-Forwarded-For", "1.2.3.4.5"],
  ["X-Forwarded-For", "1.2.3.4:99999"],
  ["X-Forwarded-For", "[::1"],
  ["X-Forwarded-For", "[1.2.3.4]"],
  ["X-Forwarded-For", "fe80::1%eth0"],
  ["X-Forwarded-For", "1.2.3.4 5.6.7.8"],
  ["Forwarded", "for=nobody"],
  ["Forwarded", 'for="[::1"'],
  ["Forwarded", "for=1.2.3.4;for=5.6.7.8"],
  ["Forwarded", 'for="1.2.3.4'],
  ["Forwarded", "for = 1.2.3.4"],
]

for (const [name, value] of malformed) {
  t.test(`${name}: ${value} from a trusted proxy is a 400, and nothing reaches a backend`, async (t) => {
    const backend = await startBackend(t)
    const proxy = await startProxy(t, { backends: [backend.address], trusted_proxies: ["127.0.0.1"] })
    const refusal = nextRefusal(proxy)
    const client = await RawPeer.connect(proxy.address())
    await client.write(upgradeHead({ [name]: value })).untilEnd()
    t.match(client.text, /^HTTP\/1\.1 400 [\s\S]*\r\n\r\na field that names the client is not valid/)
    t.equal((await refusal).reason, "bad_forwarded")
    t.equal(backend.peers.length, 0)
  })
}

t.test("a client that forges an address to the left of its own is identified by its own", async (t) => {
  const backend = await startBackend(t, (peer) => void answerUpgrade(peer))
  const proxy = await startProxy(t, {
    backends: [backend.address],
    trusted_proxies: ["127.0.0.1", "10.0.0.0/8"],
  })
  const opened = new Promise<string>((resolve) => proxy.once("open", ({ client }) => resolve(client)))
  await openTunnel(proxy, upgradeHead({ "X-Forwarded-For": "10.9.9.9, nonsense, 203.0.113.9, 10.0.0.2" }))
  t.equal(await opened, "203.0.113.9")
})

t.test("8 KiB of commas contain no address and are parsed quickly", async (t) => {
  const backend = await startBackend(t, (peer) => void answerUpgrade(peer))
  const proxy = await startProxy(t, { backends: [backend.address], trusted_proxies: ["127.0.0.1"] })
  const client = await openTunnel(proxy, upgradeHead({ "X-Forwarded-For": ",".repeat(7000) }))
  t.match(client.text, /^HTTP\/1\.1 101 /)
})

/** A client's request through a TLS terminator that writes some of the fields and passes the others on. */
const passed: readonly {
  title: string
  forwarded: "x-forwarded" | "rfc7239" | "both"
  /** Written by the terminator. */
  written: Fields
  /** Sent by the client. */
  forged: Fields
  /** The lines that reach the backend, in this order. */
  arrives: readonly string[]
}[] = [
  {
    title: "X-Forwarded-For and -Proto",
    forwarded: "x-forwarded",
    written: { "X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https" },
    forged: {
      Forwarded: "for=203.0.113.9",
      "X-Real-IP": "203.0.113.9",
      "X-Forwarded-Prefix": "/admin",
      X_Forwarded_Host: "bank.example",
    },
    arrives: [
      "X-Forwarded-For: 192.0.2.1, 127.0.0.1",
      "X-Forwarded-Proto: https",
      "X-Forwarded-Host: chat.example",
      "X-Forwarded-Port: 443",
    ],
  },
  {
    title: "X-Forwarded-For and -Proto, with forwarded = both",
    forwarded: "both",
    written: { "X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https" },
    forged: { Forwarded: 'for=203.0.113.9;by="', "X-Real-IP": "203.0.113.9" },
    arrives: [
      "X-Forwarded-For: 192.0.2.1, 127.0.0.1",
      "X-Forwarded-Proto: https",
      'Forwarded: for=192.0.2.1;host="chat.example";proto=https, for=127.0.0.1;host="chat.example";proto=http',
      "X-Forwarded-Host: chat.example",
      "X-Forwarded-Port: 443",
    ],
  },
  {
    title: "X-Forwarded-For and -Proto, with forwarded = rfc7239",
    forwarded: "rfc7239",
    written: { "X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https" },
    forged: { "X-Forwarded-Prefix": "/admin" },
    arrives: [
      "X-Forwarded-For: 192.0.2.1",
      "X-Forwarded-Proto: https",
      'Forwarded: for=192.0.2.1;host="chat.example";proto=https, for=127.0.0.1;host="chat.example";proto=http',
    ],
  },
  {
    title: "Forwarded",
    forwarded: "both",
    written: { Forwarded: "for=192.0.2.1;host=a.example;proto=https" },
    forged: {
      "X-Forwarded-Host": "bank.example",
      "X-Forwarded-Proto": "http",
      "X-Forwarded-Port": "444",
      "X-Forwarded-Ssl": "off",
    },
    arrives: [
      'Forwarded: for=192.0.2.1;host=a.example;proto=https, for=127.0.0.1;host="chat.example";proto=http',
      "X-Forwarded-Host: a.example",
      "X-Forwarded-Proto: https",
      "X-Forwarded-Port: 443",
      "X-Forwarded-For: 192.0.2.1, 127.0.0.1",
    ],
  },
]

for (const { title, forwarded, written, forged, arrives } of passed) {
  t.test(`behind a terminator that writes ${title}, no forged field gets through`, async (t) => {
    const backend = await startBackend(t, (peer) => void answerUpgrade(peer))
    const proxy = await startProxy(t, {
      backends: [backend.address],
      trusted_proxies: ["127.0.0.1"],
      forwarded,
    })
    await openTunnel(proxy, upgradeHead({ ...written, ...forged }))
    const { text } = await backend.peer()
    t.same(text.match(/^(?:forwarded|x.forwarded.*|x.real.ip): .*(?=\r$)/gim), arrives)
  })
}

t.test("fields that the configuration sets override those of the client and the terminator", async (t) => {
  const backend = await startBackend(t, (peer) => void answerUpgrade(peer))
  const proxy = await startProxy(t, {
    backends: [backend.address],
    trusted_proxies: ["127.0.0.1"],
    request_headers: { set: { "X-Forwarded-Prefix": "/chat", "X-Real-IP": "ours" } },
  })
  const claims = {
    "X-Forwarded-For": "192.0.2.1",
    "X-Forwarded-Prefix": "/admin",
    "X-Real-IP": "203.0.113.9",
  }
  await openTunnel(proxy, upgradeHead(claims))
  const { text } = await backend.peer()
  t.same(text.match(/^x-(?:forwarded-prefix|real-ip): .*(?=\r$)/gim), [
    "X-Forwarded-Prefix: /chat",
    "X-Real-IP: ours",
  ])
})

for (const [flags, secure] of [
  [0x01, true],
  [0x00, false],
] as const) {
  t.test(
    `behind a PROXY header ${secure ? "with" : "without"} the TLS flag, forwarding fields do not change the scheme`,
    async (t) => {
      const backend = await startBackend(t, (peer) => void answerUpgrade(peer))
      const proxy = await startProxy(t, {
        backends: [backend.address],
        trusted_proxies: ["127.0.0.1"],
        accept_proxy_protocol: true,
        sticky_cookie: "rws",
      })
      const header = "0d0a0d0a000d0a515549540a21110014c0000201c6336402dcdd01bb200005"
      const client = await RawPeer.connect(proxy.address())
      client.write(Buffer.from(`${header}0${flags}00000000`, "hex"))
      await client
        .write(upgradeHead({ "X-Forwarded-Proto": secure ? "http" : "https" }))
        .untilText("\r\n\r\n")
      const { text } = await backend.peer()
      t.match(text, secure ? /^X-Forwarded-Proto: https\r$/m : /^X-Forwarded-Proto: http\r$/m)
      t.equal(/^Set-Cookie: rws=.*; Secure\r$/m.test(client.text), secure)
    },
  )
}
