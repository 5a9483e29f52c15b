/** A TLS backend that acts only on the test's behalf after the TLS handshake. */
import { once } from "node:events"
import type { Socket } from "node:net"
import { createServer, type TLSSocket, type TlsOptions } from "node:tls"
import type { Test } from "tap"
import { parseAddress, type TcpAddress } from "../../../lib/address/address.js"
import type { Connection } from "../../../lib/net/connection.js"
import { Dial, type TlsOptions as DialTlsOptions } from "../../../lib/net/dial.js"
import { readSecureContext } from "../../../lib/net/secure-context.js"
import { turnUntil } from "../pool/turns.js"
import type { ConnectionEnds } from "./peers.js"
import { RawPeer } from "./raw-peer.js"
import { makeTestCa } from "./test-ca.js"

export interface TlsConnection {
  /** The decrypted stream. */
  readonly peer: RawPeer
  readonly socket: TLSSocket
  /** The TCP connection below TLS. */
  readonly raw: Socket
}

export interface TlsBackend {
  readonly address: TcpAddress
  /** Waits for the next connection that completes its TLS handshake. */
  next(): Promise<TlsConnection>
}

/** Starts it on a free port of 127.0.0.1. It is closed when the test ends. */
export async function startTlsBackend(t: Test, options: TlsOptions): Promise<TlsBackend> {
  const server = createServer({ allowHalfOpen: true, noDelay: true, ...options })
  const raws: Socket[] = []
  const ready: TlsConnection[] = []
  server.on("connection", (raw: Socket) => {
    raws.push(raw)
    raw.on("error", () => {})
  })
  server.on("tlsClientError", () => {})
  server.on("secureConnection", (socket) => {
    const raw = raws.find(({ remotePort }) => remotePort === socket.remotePort)
    if (raw === undefined) throw new Error("a TLS connection without a TCP connection")
    ready.push({ peer: new RawPeer(socket), socket, raw })
    server.emit("ready")
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  t.teardown(() => {
    server.close()
    for (const raw of raws) raw.destroy()
  })
  const bound = server.address()
  if (bound === null || typeof bound === "string") throw new Error("not bound to a port")
  return {
    address: parseAddress(`127.0.0.1:${bound.port}`, 1, "an address") as TcpAddress,
    async next() {
      for (;;) {
        const connection = ready.shift()
        if (connection !== undefined) return connection
        await once(server, "ready")
      }
    },
  }
}

export interface SecuredConnection extends ConnectionEnds {
  /** The backend's connection under TLS. */
  readonly raw: Socket
}

/** Session tickets that OpenSSL sends by default. */
const TICKETS = 2

/** A backend dialled over TLS, as the stages get it. */
export async function securePeer(t: Test, options: TlsOptions = {}): Promise<SecuredConnection> {
  const ca = makeTestCa(t)
  const { cert, key } = ca.issue("IP:127.0.0.1")
  const server = await startTlsBackend(t, { cert, key, ...options })
  const peer = await dialTls(t, server.address, { context: readSecureContext({ ca: ca.certFile }) })
  let tickets = 0
  peer.socket.on("session", () => tickets++)
  const { peer: far, raw, socket } = await server.next()
  // Tickets follow the handshake (RFC 8446 §4.6.1). A close with unread bytes would be a reset.
  const expected = socket.getProtocol() === "TLSv1.3" ? TICKETS : 0
  await turnUntil(() => tickets >= expected, "the tickets of TLS 1.3")
  return { peer, far, raw }
}

export async function dialTls(
  t: Test,
  address: TcpAddress,
  tls: Partial<DialTlsOptions> & Pick<DialTlsOptions, "context">,
): Promise<Connection> {
  const all = { serverName: address.host, isVerified: true, ...tls }
  const peer = await new Dial(address, { connectTimeoutMs: 60_000, tls: all }).connected
  t.teardown(() => peer.socket.destroy())
  return peer
}
