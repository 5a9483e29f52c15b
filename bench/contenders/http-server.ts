/** The server around the proxies that work on top of `node:http`. */
import { createServer, type IncomingMessage } from "node:http"
import type { Socket } from "node:net"
import { Duplex } from "node:stream"
import { listenAnywhere } from "../load/port.js"

type OnUpgrade = (request: IncomingMessage, socket: Socket, early: Buffer) => void

/**
 * Resolves to the port. Requests without an upgrade get a 400 and their connection is closed, as rws does it.
 */
export function serveUpgrades(onUpgrade: OnUpgrade): Promise<number> {
  const server = createServer((_request, response) => {
    response.writeHead(400, { "content-type": "text/plain; charset=utf-8", connection: "close" })
    response.end("this is not a WebSocket upgrade\n")
  })
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, early: Buffer) => {
    socket.on("error", () => socket.destroy())
    onUpgrade(request, socket as Socket, early)
  })
  return listenAnywhere(server)
}

/** For the `error` event of a proxy: whatever went wrong, the client's connection is of no more use. */
export function dropClient(client: unknown): void {
  if (client instanceof Duplex) client.destroy()
}
