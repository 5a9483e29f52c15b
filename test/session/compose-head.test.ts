import t from "tap"
import { upgradeHead } from "../support/http/heads.js"
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
