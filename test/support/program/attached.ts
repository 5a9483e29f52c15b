/** A handler attached to an HTTP or HTTPS server of the test, and clients of that server. */
import { once } from "node:events"
import { createServer, type RequestListener, type Server } from "node:http"
import { createServer as createSecureServer } from "node:https"
import { type AddressInfo, connect, type Socket } from "node:net"
import { connect as connectTls } from "node:tls"
import type { Test } from "tap"
import {
  type AttachedInput,
  createUpgradeHandler,
  type EndedSession,
  type RefusedSession,
  type UpgradeHandler,
} from "../../../lib/index.js"
import { upgradeHead } from "../http/heads.js"
import { answerUpgrade, startBackend } from "../peers/backend.js"
import { RawPeer } from "../peers/raw-peer.js"
import { makeTestCa } from "../peers/test-ca.js"

export type Scheme = "http" | "https"

export interface AttachedServer {
  readonly scheme: Scheme
  readonly server: Server
  /** `127.0.0.1:PORT`. */
  readonly address: string
  /** A raw client of the server, after the TLS handshake if there is one. Destroyed when the test ends. */
  connect(): Promise<RawPeer>
}

/** Starts a server that answers plain requests with "hello". It is closed when the test ends. */
export async function startServer(
  t: Test,
  scheme: Scheme = "http",
  onRequest: RequestListener = (_request, response) => response.end("hello"),
): Promise<AttachedServer> {
  const server = scheme === "http" ? createServer(onRequest) : createSecureServer(certificate(t), onRequest)
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const { port } = server.address() as AddressInfo
  const address = `127.0.0.1:${port}`
  const connectClient = async () => {
    const client = scheme === "http" ? await RawPeer.connect(address) : await connectSecurely(port)
    t.teardown(() => client.socket.destroy())
    return client
  }
  return { scheme, server, address, connect: connectClient }
}

async function connectSecurely(port: number): Promise<RawPeer> {
  const raw = connect({ port, host: "127.0.0.1", noDelay: true, allowHalfOpen: true })
  await once(raw, "connect")
  const socket = connectTls({ socket: raw, rejectUnauthorized: false })
  await once(socket, "secureConnect")
  return new RawPeer(socket)
}

function certificate(t: Test) {
  const { cert, key } = makeTestCa(t).issue("IP:127.0.0.1")
  return { cert, key }
}

/** A handler that is closed when the test ends. */
export async function makeHandler(t: Test, config: AttachedInput): Promise<UpgradeHandler> {
  const handler = await createUpgradeHandler(config)
  t.teardown(() => handler.close(0))
  return handler
}

export interface Attached extends AttachedServer {
  readonly handler: UpgradeHandler
}

/** A server whose upgrades all go to one handler. */
export async function attach(t: Test, config: AttachedInput, scheme: Scheme = "http"): Promise<Attached> {
  const handler = await makeHandler(t, config)
  const started = await startServer(t, scheme)
  started.server.on("upgrade", handler)
  return { ...started, handler }
}

export interface AttachedPair extends Attached {
  readonly client: RawPeer
  /** The backend's end of the same tunnel. */
  readonly backend: RawPeer
}

/**
 * A tunnel to a backend that has sent its 101 and acts on the test's behalf.
 * @param onSocket gets the server's socket
 */
export async function openAttachedPair(
  t: Test,
  scheme: Scheme = "http",
  settings: object = {},
  onSocket: (socket: Socket) => void = () => {},
): Promise<AttachedPair> {
  const server = await startBackend(t)
  const attached = await attach(t, { backends: [server.address], ...settings }, scheme)
  attached.server.on("upgrade", (_request, socket: Socket) => onSocket(socket))
  const client = (await attached.connect()).write(upgradeHead())
  const backend = await server.peer()
  await answerUpgrade(backend)
  await client.untilText("\r\n\r\n")
  return { ...attached, client, backend }
}

/** Waits for the next session that ends and was not refused by rws. */
export async function nextEndOf(handler: UpgradeHandler): Promise<Readonly<EndedSession>> {
  return new Promise((resolve) => handler.once("end", resolve))
}

/** Waits for the next session that is refused. */
export async function nextRefusalBy(handler: UpgradeHandler): Promise<Readonly<RefusedSession>> {
  return new Promise((resolve) => handler.once("refuse", resolve))
}
