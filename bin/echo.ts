/** `rws echo`: a WebSocket backend that sends back what it gets. */
import { createServer, type IncomingMessage, type Server } from "node:http"
import type { Duplex } from "node:stream"
import { WebSocketServer } from "ws"
import { type Address, formatAddress, parseBindAddress, toNetOptions } from "../lib/address/address.js"
import { toBindError } from "../lib/net/listener.js"
import { acceptKey } from "../lib/upgrade/accept-key.js"

export async function echo({ bind, raw }: { bind: string; raw: boolean }): Promise<void> {
  const server = await startEcho(parseBindAddress(bind), raw)
  console.log(`echo backend (${raw ? "raw bytes" : "WebSocket messages"}) on ${addressOf(server)}`)
}

/** Starts an echo backend. Resolves once it listens; rejects with a `BindError`. */
export function startEcho(address: Address, raw = false): Promise<Server> {
  const server = createServer((_request, response) => {
    response
      .writeHead(426, { connection: "close", upgrade: "websocket" })
      .end("this is a WebSocket echo backend\n")
  })
  server.on("upgrade", raw ? echoBytes : echoMessages())
  return new Promise((resolve, reject) => {
    server.once("error", (error) => reject(toBindError(address, error)))
    server.listen(toNetOptions(address), () => resolve(server))
  })
}

/** Where a server really listens, as rws takes it for a backend. */
export function addressOf(server: Server): string {
  const bound = server.address()
  if (bound === null || typeof bound === "string") return `unix:${bound}`
  return formatAddress({ kind: "tcp", host: bound.address, port: bound.port })
}

type OnUpgrade = (request: IncomingMessage, socket: Duplex, early: Buffer) => void

function echoMessages(): OnUpgrade {
  const server = new WebSocketServer({ noServer: true })
  return (request, socket, early) =>
    server.handleUpgrade(request, socket, early, (client) => {
      client.on("message", (message, isBinary) => client.send(message, { binary: isBinary }))
      client.on("error", () => client.terminate())
    })
}

/** Everything after the 101 goes back as it came, frames of clients and their masks included. */
const echoBytes: OnUpgrade = (request, socket, early) => {
  const accept = acceptKey(String(request.headers["sec-websocket-key"]))
  socket.write(
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      `Sec-WebSocket-Accept: ${accept}\r\n\r\n`,
  )
  socket.write(early)
  socket.on("error", () => socket.destroy())
  socket.pipe(socket)
}
