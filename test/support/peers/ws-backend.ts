/** A WebSocket server of the `ws` package on a free port, and clients that connect to it through rws. */
import { on, once } from "node:events"
import type { IncomingMessage } from "node:http"
import type { Test } from "tap"
import { type ClientOptions, type ServerOptions, WebSocket, WebSocketServer } from "ws"

export interface WsBackend {
  /** For the configuration: `127.0.0.1:PORT`. */
  readonly address: string
  readonly server: WebSocketServer
}

/** One session as the backend sees it. */
export interface WsSession {
  readonly socket: WebSocket
  readonly request: IncomingMessage
}

/** Starts a WebSocket server. `onSession` is called for each client. It is closed when the test ends. */
export async function startWsBackend(
  t: Test,
  onSession: (session: WsSession) => void = () => {},
  options: ServerOptions = {},
): Promise<WsBackend> {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, ...options })
  server.on("connection", (socket, request) => {
    socket.on("error", () => {})
    onSession({ socket, request })
  })
  await once(server, "listening")
  t.teardown(() => {
    server.close()
    for (const socket of server.clients) socket.terminate()
  })
  const bound = server.address()
  if (bound === null || typeof bound === "string") throw new Error("not bound to a port")
  return { address: `127.0.0.1:${bound.port}`, server }
}

/** Echoes every message. */
export function echo({ socket }: WsSession): void {
  socket.on("message", (message, binary) => socket.send(message, { binary }))
}

/** Waits for the next session of the backend. */
export async function nextSession({ server }: WsBackend): Promise<WsSession> {
  const [socket, request] = await once(server, "connection")
  return { socket, request }
}

/** A client whose connection is open, and the backend's end of it. Nothing else may connect meanwhile. */
export interface Pair {
  readonly client: WebSocket
  readonly backend: WebSocket
}

/** Connects a client and waits until both ends are open. It is terminated when the test ends. */
export async function connectPair(
  t: Test,
  url: string,
  backend: WsBackend,
  options: ClientOptions = {},
): Promise<Pair> {
  const session = nextSession(backend)
  const client = await connectWs(t, url, options)
  return { client, backend: (await session).socket }
}

/** Connects a client and waits until it is open. It is terminated when the test ends. */
export async function connectWs(t: Test, url: string, options: ClientOptions = {}): Promise<WebSocket> {
  const client = new WebSocket(url, options)
  t.teardown(() => client.terminate())
  await once(client, "open")
  client.on("error", () => {})
  return client
}

/** A received message. */
export interface Message {
  readonly data: Buffer
  readonly binary: boolean
}

/** Iterates over the messages from now on without losing any. Throws if the socket closes meanwhile. */
export function messagesOf(socket: WebSocket): () => Promise<Message> {
  const messages = on(socket, "message", { close: ["close"] })
  return async () => {
    const next = await messages.next()
    if (next.done === true) throw new Error("closed before the message")
    const [data, binary] = next.value
    return { data, binary }
  }
}

/** How a WebSocket was closed: code and reason of the Close frame, or 1006 without one. */
export async function closeOf(socket: WebSocket): Promise<{ code: number; reason: string }> {
  const [code, reason] = await once(socket, "close")
  return { code, reason: String(reason) }
}
