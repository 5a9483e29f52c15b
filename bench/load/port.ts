/** Servers of the benchmark listen on the loopback interface, on a port that the system chooses. */
import { once } from "node:events"
import { createServer, type Server } from "node:net"

export const HOST = "127.0.0.1"

/** Resolves to the port, once the server listens. */
export async function listenAnywhere(server: Server): Promise<number> {
  server.listen(0, HOST)
  await once(server, "listening")
  const bound = server.address()
  if (bound === null || typeof bound === "string") throw new Error("not bound to a port")
  return bound.port
}

/** A port that was just free, for programs that cannot bind port 0. */
export async function freePort(): Promise<number> {
  const server = createServer()
  const port = await listenAnywhere(server)
  server.close()
  await once(server, "close")
  return port
}
