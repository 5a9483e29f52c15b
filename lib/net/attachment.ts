/** Clients that a server of the program brings, one by one. It stands in for a bound address. */
import { Socket } from "node:net"
import type { Duplex } from "node:stream"
import type { Address } from "../address/address.js"
import { Connection } from "./connection.js"
import type { ClientSource, ListenerEvents } from "./listener.js"

export class Attachment implements ClientSource {
  /** The server may have any number of addresses. Each socket knows its own. */
  readonly address: Address = { kind: "tcp", host: "attached", port: 0 }
  readonly stopped: Promise<void>
  #onStopped = () => {}
  #isStopped = false
  #events: Pick<ListenerEvents, "onClient"> | undefined

  constructor() {
    this.stopped = new Promise((resolve) => {
      this.#onStopped = resolve
    })
  }

  /** The listener that gets the clients. */
  serve(events: Pick<ListenerEvents, "onClient">): this {
    this.#events = events
    return this
  }

  /** Returns whether the client has been taken: none is after `close`. */
  bring(client: Connection): boolean {
    if (this.#isStopped || this.#events === undefined) return false
    this.#events.onClient(client)
    return true
  }

  async listen(): Promise<void> {}

  async close(): Promise<void> {
    this.#isStopped = true
    this.#onStopped()
  }
}

/** The private property that has the response which a server writes to a socket. */
type ServingSocket = Socket & { readonly _httpMessage?: unknown }

/**
 * Takes over the socket of an upgrade; or says why it can't be taken: it is owned already, it is not a
 * socket, or it was busy: an earlier request's response is not finished, and would be mixed with the tunnel's
 * bytes. Such a socket is destroyed; no browser sends a request before it has the response to the one before.
 * @param unread what has been read from it
 */
export function adopt(stream: Duplex, unread: Buffer): Connection | "taken" | "busy" | "not a socket" {
  if (!(stream instanceof Socket)) return "not a socket"
  if (Connection.has(stream)) return "taken"
  const { _httpMessage: response }: ServingSocket = stream
  if (response === undefined || response === null) return Connection.adopted(stream, unread)
  stream.destroy()
  return "busy"
}
