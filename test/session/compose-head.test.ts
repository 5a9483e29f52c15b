import t from "tap"
import { writeProxyHeader } from "../../lib/forwarding/proxy-protocol.js"
import { type Fields, upgradeHead } from "../support/http/heads.js"
import { answerUpgrade, startBackend } from "../support/peers/backend.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { openTunnel, type Settings, startProxy } from "../support/program/proxy.js"

const ORIGIN = "https://app.example.com"

interface OriginCase {
  readonly title: string
  readonly settings: Omit<Settings, "backends">
  readonly sent: string | undefined
  /** What the backend gets. */
  readonly received: readonly string[]
}

const origins: readonly OriginCase[] = [
  { title: "no Origin", settings: {}, sent: undefined, received: [] },
  {
    title: "no Origin, with an origin of the listener",
    settings: { origin: ORIGIN },
    sent: undefined,
    received: [ORIGIN],
  },
  {
    title: "its own Origin in place of the listener's",
    settings: { origin: ORIGIN },
    sent: "https://other.example",
    received: ["https://other.example"],
  },
  {
    title: "an empty Origin, which counts as none",
    settings: { origin: ORIGIN },
    sent: "",
    received: [ORIGIN],
  },
  {
    title: "no Origin, on a route with an origin of its own",
    settings: { origin: ORIGIN, route: [{ path: "/chat", origin: "http://localhost:3000" }] },
    sent: undefined,
    received: ["http://localhost:3000"],
  },
  {
    title: "no Origin, though request_headers set another one",
    settings: { origin: ORIGIN, request_headers: { set: { Origin: "https://set.example" } } },
    sent: undefined,
    received: ["https://set.example"],
  },
  {
    title: "no Origin, though allowed_origins do not list the listener's",
    settings: { origin: ORIGIN, allowed_origins: ["https://other.example"] },
    sent: undefined,
    received: [ORIGIN],
  },
]

for (const { title, settings, sent, received } of origins) {
  t.test(`a client that sends ${title}: the backend gets ${received.join() || "none"}`, async (t) => {
    const backend = await startBackend(t, (peer) => void answerUpgrade(peer))
    const proxy = await startProxy(t, { backends: [backend.address], ...settings })
    await openTunnel(proxy, upgradeHead({ Origin: sent }))
    const { text } = await backend.peer()
    t.same(
      [...text.matchAll(/^Origin: *(.*)\r$/gim)].map(([, value]) => value),
      received,
    )
  })
}

t.test(
  "require_origin refuses a client that sends none, whatever origin the backend would get",
  async (t) => {
    const backend = await startBackend(t)
    const proxy = await startProxy(t, { backends: [backend.address], origin: ORIGIN, require_origin: true })
    const client = await RawPeer.connect(proxy.address())
    client.write(upgradeHead())
    await client.untilText("\r\n\r\n")
    t.match(client.text, /^HTTP\/1\.1 403 /)
  },
)

interface TlsCase {
  readonly title: string
  readonly settings: Omit<Settings, "backends">
  readonly header?: Buffer
  readonly fields?: Fields
  readonly proto: string
  /** "" = that of the listener. */
  readonly port: string
}

const BEHIND_PROXY = { trusted_proxies: ["127.0.0.1"], accept_proxy_protocol: true }
const V2 = writeProxyHeader("v2", { ip: "192.0.2.1", port: 5 }, { ip: "192.0.2.2", port: 8443 })

const tlsCases: readonly TlsCase[] = [
  { title: "a client without a word about TLS", settings: {}, proto: "http", port: "" },
  { title: "any client, with client_tls", settings: { client_tls: true }, proto: "https", port: "443" },
  {
    title: "a client that asks for a port, with client_tls",
    settings: { client_tls: true },
    fields: { Host: "chat.example:8443" },
    proto: "https",
    port: "8443",
  },
  {
    title: "a client that forges http, with client_tls",
    settings: { client_tls: true },
    fields: { "X-Forwarded-Proto": "http", "X-Forwarded-Port": "80" },
    proto: "https",
    port: "443",
  },
  {
    title: "a client in a PROXY header without TLS details",
    settings: BEHIND_PROXY,
    header: V2,
    proto: "http",
    port: "8443",
  },
  {
    title: "a client in a PROXY header without TLS details, with client_tls",
    settings: { ...BEHIND_PROXY, client_tls: true },
    header: V2,
    proto: "https",
    port: "8443",
  },
  {
    title: "a client whose trusted proxy reports http, with client_tls",
    settings: { trusted_proxies: ["private_ranges"], client_tls: true },
    fields: { "X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "http" },
    proto: "http",
    port: "80",
  },
  {
    title: "a client whose trusted proxy reports no scheme, with client_tls",
    settings: { trusted_proxies: ["private_ranges"], client_tls: true },
    fields: { "X-Forwarded-For": "192.0.2.1" },
    proto: "https",
    port: "443",
  },
]

for (const { title, settings, header = "", fields = {}, proto, port } of tlsCases) {
  t.test(`${title}: the backend learns of ${proto} and the cookie is as safe`, async (t) => {
    const backend = await startBackend(t, (peer) => void answerUpgrade(peer))
    const proxy = await startProxy(t, { backends: [backend.address], sticky_cookie: "sid", ...settings })
    const client = await RawPeer.connect(proxy.address())
    client.write(header).write(upgradeHead(fields))
    await client.untilText("\r\n\r\n")
    t.equal(/^Set-Cookie: sid=.*; Secure\r$/m.test(client.text), proto === "https")
    const { text } = await backend.peer()
    const valuesOf = (name: string) =>
      [...text.matchAll(new RegExp(`^${name}: (.*)\r$`, "gim"))].map(([, value]) => value)
    t.same(valuesOf("X-Forwarded-Proto"), [proto])
    t.same(valuesOf("X-Forwarded-Port"), [port || proxy.address().split(":")[1]])
  })
}
