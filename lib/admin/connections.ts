/** The connections of the admin server: not too many, and one request of each at a time. */
import type { IncomingMessage, Server } from "node:http"

type Socket = IncomingMessage["socket"]

const MAX_CONNECTIONS = 50
/** Further ones are closed after their first response, so that a probe gets in while others stay for long. */
const MAX_SHORT = 10

export class Connections {
  #open = 0
  readonly #short = new WeakSet<Socket>()
  /** When the last request of each has been handled. */
  readonly #handled = new WeakMap<Socket, Promise<void>>()

  constructor(server: Server) {
    // Those beyond are closed before anything is made for them.
    server.maxConnections = MAX_CONNECTIONS + MAX_SHORT
    server.on("connection", (socket) => {
      this.#open++
      if (this.#open > MAX_CONNECTIONS) this.#short.add(socket)
      socket.once("close", () => this.#open--)
    })
  }

  /** Whether this one is to be closed after a response. */
  isShort(socket: Socket): boolean {
    return this.#short.has(socket)
  }

  /**
   * Handles a request once those before it on its connection have been handled.
   * @param handle never rejects
   */
  use(socket: Socket, handle: () => Promise<void>): void {
    const before = this.#handled.get(socket)
    this.#handled.set(socket, before === undefined ? handle() : before.then(handle))
  }
}
