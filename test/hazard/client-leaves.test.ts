/** A client that aborts before its tunnel exists must not keep a backend busy. */
import t from "tap"
import { upgradeHead } from "../support/http/heads.js"
import { startBackend, startEchoBackend } from "../support/peers/backend.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { startUnansweringPort } from "../support/peers/unanswering-port.js"
import { nextEnd, openTunnel, startProxy } from "../support/program/proxy.js"

/** Longer than a test may take: a session that ends within the test has not waited for a deadline. */
const FOREVER_MS = 600_000

for (const leave of ["end", "destroy", "resetAndDestroy"] as const) {
  t.test(
    `a client that aborts (${leave}) during the dial ends it at once, and no other backend is tried`,
    async (t) => {
      const other = await startEchoBackend(t)
      const silent = await startUnansweringPort(t)
      const proxy = await startProxy(t, {
        backends: [silent, other.address],
        connect_timeout_ms: FOREVER_MS,
      })
      const end = nextEnd(proxy)
      const client = await RawPeer.connect(proxy.address())
      client.write(upgradeHead())
      const second = await openTunnel(proxy)
      t.equal(other.peers.length, 1, "the first session is dialling while the second has its tunnel")
      client.socket[leave]()
      const summary = await end
      t.match(summary, { reason: "client_aborted_in_dial", who: "client", backend: silent })
      t.equal(summary.status, undefined)
      await client.untilClosed()
      t.equal(client.text, "")
      second.socket.destroy()
      t.equal(other.peers.length, 1)
    },
  )

  t.test(
    `a client that aborts (${leave}) during the handshake closes the backend's connection`,
    async (t) => {
      const backend = await startBackend(t)
      const proxy = await startProxy(t, {
        backends: [backend.address],
        handshake_timeout_ms: FOREVER_MS,
      })
      const end = nextEnd(proxy)
      const client = await RawPeer.connect(proxy.address())
      client.write(upgradeHead())
      const peer = await backend.peer()
      await peer.untilText("\r\n\r\n")
      client.socket[leave]()
      const summary = await end
      t.match(summary, { reason: "client_aborted_in_handshake", who: "client" })
      t.equal(summary.status, undefined)
      await peer.until(({ ended, closed }) => ended || closed)
      await client.untilClosed()
      t.equal(client.text, "")
    },
  )

  t.test(
    `a client that aborts (${leave}) amid the backend's response head closes the backend's connection`,
    async (t) => {
      const backend = await startBackend(t)
      const proxy = await startProxy(t, {
        backends: [backend.address],
        handshake_timeout_ms: FOREVER_MS,
      })
      const end = nextEnd(proxy)
      const client = await RawPeer.connect(proxy.address())
      client.write(`${upgradeHead()}early`)
      const peer = await backend.peer()
      await peer.untilText("\r\n\r\n")
      peer.write("HTTP/1.1 101 Switching")
      client.socket[leave]()
      t.match(await end, { reason: "client_aborted_in_handshake" })
      await peer.until(({ ended, closed }) => ended || closed)
    },
  )
}

t.test("a client that resets while a refusal is relayed closes the backend's connection", async (t) => {
  const backend = await startBackend(t)
  const proxy = await startProxy(t, { backends: [backend.address], handshake_timeout_ms: FOREVER_MS })
  const end = nextEnd(proxy)
  const client = await RawPeer.connect(proxy.address())
  client.write(upgradeHead())
  const peer = await backend.peer()
  await peer.untilText("\r\n\r\n")
  peer.write("HTTP/1.1 403 Forbidden\r\nContent-Length: 100\r\n\r\nnot yet")
  await client.untilText("not yet")
  client.socket.resetAndDestroy()
  t.match(await end, { reason: "client_aborted_in_relay", who: "client" })
  await peer.untilClosed()
  t.equal(peer.error?.code, "ECONNRESET")
})

t.test("a client that sends FIN early still gets a refusal that rws sends at once", async (t) => {
  const proxy = await startProxy(t, { backends: ["127.0.0.1:1"] })
  const client = await RawPeer.connect(proxy.address())
  client.write(upgradeHead({ Host: undefined }))
  client.socket.end()
  await client.untilClosed()
  t.match(client.text, /^HTTP\/1\.1 400 /)
  t.equal(client.error, undefined)
})
