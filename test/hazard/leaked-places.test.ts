/** However a session ends, it releases its places: listener, pending, per client address, backend. */
import t, { type Test } from "tap"
import { head, upgradeHead } from "../support/http/heads.js"
import { answerUpgrade, deadAddress, type RawBackend, startBackend } from "../support/peers/backend.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { startProxy } from "../support/program/proxy.js"

interface Way {
  readonly title: string
  /** How the backend treats the session that is going to end. */
  readonly onPeer?: (peer: RawPeer) => void
  /** How the client acts. The session ends when this resolves, or soon after. */
  readonly act: (client: RawPeer, backend: RawBackend) => Promise<unknown>
}

/** Accepts the upgrade, and sends FIN after the client's. */
function answer(peer: RawPeer): void {
  peer.socket.once("end", () => peer.socket.end())
  void answerUpgrade(peer)
}

const ways: readonly Way[] = [
  { title: "an invalid request", act: (client) => client.write("\0").untilEnd() },
  {
    title: "a client that aborts within its head",
    act: async (client) => client.write("GET / HT").socket.destroy(),
  },
  {
    title: "an origin that is not allowed",
    act: (client) => client.write(upgradeHead({ Origin: "https://evil.example" })).untilEnd(),
  },
  { title: "no route", act: (client) => client.write(upgradeHead({ Host: "other.example" })).untilEnd() },
  {
    title: "a client that aborts while the backend has not responded",
    onPeer: () => {},
    async act(client, backend) {
      client.write(upgradeHead())
      await backend.peer()
      client.socket.resetAndDestroy()
    },
  },
  {
    title: "a backend that refuses",
    onPeer: (peer) => peer.write(head("HTTP/1.1 401 Unauthorized", { "Content-Length": "0" })),
    act: (client) => client.write(upgradeHead()).untilEnd(),
  },
  {
    title: "a backend that resets",
    onPeer: (peer) => void peer.untilText("\r\n\r\n").then(({ socket }) => socket.resetAndDestroy()),
    act: (client) => client.write(upgradeHead()).untilEnd(),
  },
  {
    title: "a tunnel that the client closes",
    async act(client) {
      await client.write(upgradeHead()).untilText("101 ")
      client.socket.end()
      await client.untilEnd()
    },
  },
  {
    title: "a tunnel that breaks",
    onPeer: answer,
    async act(client) {
      await client.write(upgradeHead()).untilText("101 ")
      client.socket.resetAndDestroy()
    },
  },
]

/**
 * Retries until a place is free, which happens once rws has seen the end of the other session. Until then
 * every refusal is due to a limit.
 */
async function admittedAtLast(t: Test, address: string): Promise<void> {
  for (;;) {
    const client = await RawPeer.connect(address)
    await client.write(upgradeHead()).untilText("\r\n\r\n")
    client.socket.destroy()
    const status = client.text.slice(9, 12)
    if (status === "101") return
    t.match(status, /^(?:503|429)$/)
  }
}

for (const { title, onPeer = answer, act } of ways) {
  t.test(`places are free again after ${title}`, async (t) => {
    let sessions = 0
    const backend = await startBackend(t, (peer) => (sessions++ === 0 ? onPeer : answer)(peer))
    const proxy = await startProxy(t, {
      route: [
        {
          host: "chat.example",
          backends: [{ address: backend.address, max_connections: 1 }],
          max_fails: 0,
          allowed_origins: ["https://good.example"],
        },
      ],
      max_connections_per_ip: 1,
      max_pending: 1,
    })
    const client = await RawPeer.connect(proxy.address())
    await act(client, backend)
    client.socket.destroy()
    await admittedAtLast(t, proxy.address())
  })
}

t.test("places are free again after a dial that fails", async (t) => {
  const backend = await startBackend(t, answer)
  const proxy = await startProxy(t, {
    backends: [
      { address: await deadAddress(), max_connections: 1 },
      { address: backend.address, max_connections: 1 },
    ],
    max_fails: 0,
    max_connections_per_ip: 1,
    max_pending: 1,
  })
  for (let session = 0; session < 5; session++) await admittedAtLast(t, proxy.address())
})
