/** A bound address that accepts clients. */
import { createServer, type ListenOptions, type Server } from "node:net"
import { type Address, formatAddress, toNetOptions } from "../address/address.js"
import { Connection, READ_AHEAD_BYTES } from "./connection.js"
import { bindUnixSocket } from "./unix-socket.js"

export interface ListenerOptions {
  readonly address: Address
  /** Permissions of a Unix socket, e.g. 0o660. Default: by the umask. */
  readonly mode?: number | undefined
  /**
   * Whether others may listen on the address as well, or take over the path of a Unix socket. Default: no.
   */
  readonly reusePort?: boolean | undefined
}

/** The types of Node.js 20 do not have this option. Versions without it ignore it. */
interface SharedListenOptions extends ListenOptions {
  readonly reusePort?: boolean
}

/** A server that listens already, on an inherited socket. */
export interface ListeningServer {
  readonly server: Server
  /** Undefined for a Unix socket whose path isn't known. */
  readonly address: Address | undefined
}

export interface ListenerEvents {
  onClient(client: Connection): void
  /** A client could not be accepted, for lack of descriptors for example. The listener keeps listening. */
  onFault(error: Error): void
}

/** Where a listener's clients come from: a bound address, or another server. */
export interface ClientSource {
  readonly address: Address
  /** Rejects with a `BindError`. */
  listen(inherited?: ListeningServer): Promise<void>
  /** Brings no more clients. Resolves once those that it waits for are gone. May be called again. */
  close(): Promise<void>
  /** Resolves once `close` has given up the address. */
  readonly stopped: Promise<void>
}

/** An address could not be bound. The message names it and says why. */
export class BindError extends Error {
  override readonly name = "BindError"
}

const BIND_FAULTS: Readonly<Record<string, string>> = {
  EADDRINUSE: "it is already in use",
  EADDRNOTAVAIL: "this machine has no such address",
  EACCES: "permission denied",
  // libuv says EACCES for both.
  "unix EACCES": "permission denied, or there is no such folder",
  ENOTFOUND: "the host name is unknown",
  "privileged EACCES":
    "permission denied: ports below 1024 are privileged; use a port above 1023, or allow this one by " +
    "AmbientCapabilities=CAP_NET_BIND_SERVICE in the systemd unit, by setcap cap_net_bind_service=+ep on the node " +
    "binary, or by the sysctl net.ipv4.ip_unprivileged_port_start",
}

/** Ports below this one are privileged, unless the system is configured otherwise (ip(7)). */
const FIRST_FREE_PORT = 1024

/** Turns of the event loop in which a closing listener accepts clients that are still queued. */
const MAX_QUEUE_TURNS = 1000

/** Options for accepted sockets. */
export const ACCEPTED = { allowHalfOpen: true, noDelay: true, highWaterMark: READ_AHEAD_BYTES }

function untilNextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** Explains why the system could not bind an address. */
export function toBindError(address: Address, error: unknown): BindError {
  const { code = "", message } = error as NodeJS.ErrnoException
  const isPrivileged = address.kind === "tcp" && address.port < FIRST_FREE_PORT
  const kind = isPrivileged ? "privileged" : address.kind
  const fault = BIND_FAULTS[`${kind} ${code}`] ?? BIND_FAULTS[code] ?? message
  return new BindError(`cannot listen on ${formatAddress(address)}: ${fault}`, { cause: error })
}

export class Listener implements ClientSource {
  #server = createServer(ACCEPTED)
  #address: Address
  #closed: Promise<void> | undefined
  readonly #stopped: Promise<void>
  #onStopped = () => {}
  /** Removes the path of a Unix socket. */
  #removePath = () => {}

  constructor(
    private readonly options: ListenerOptions,
    private readonly events: ListenerEvents,
  ) {
    this.#address = options.address
    this.#stopped = new Promise((resolve) => {
      this.#onStopped = resolve
    })
  }

  /**
   * Binds the address, or takes over a server that listens already; the path of a Unix socket is then left to
   * the one who bound it. Rejects with a `BindError`.
   */
  async listen(inherited?: ListeningServer): Promise<void> {
    const { address, mode, reusePort = false } = this.options
    this.#server = inherited?.server ?? this.#server
    this.#server.on("connection", (socket) => this.events.onClient(Connection.accepted(socket)))
    try {
      if (inherited !== undefined) this.#address = inherited.address ?? address
      else if (address.kind === "unix") {
        const { path } = address
        this.#removePath = await bindUnixSocket({ path, mode, mayTakeOver: reusePort }, (name) =>
          this.#bind({ path: name }),
        )
      } else await this.#bind({ ...toNetOptions(address), reusePort })
    } catch (error) {
      this.#server.close()
      throw toBindError(address, error)
    }
    const bound = this.#server.address()
    if (bound !== null && typeof bound !== "string") {
      this.#address = { kind: "tcp", host: bound.address, port: bound.port }
    }
    this.#server.on("error", (error) => this.events.onFault(error))
  }

  /** The bound address. Port 0 has been replaced by the port that the system chose. */
  get address(): Address {
    return this.#address
  }

  /** Stops accepting. Resolves once the sockets of all accepted clients are gone. May be called again. */
  close(): Promise<void> {
    if (this.#closed === undefined) {
      this.#removePath()
      this.#closed = this.options.reusePort ? this.#emptyQueue().then(() => this.#stop()) : this.#stop()
    }
    return this.#closed
  }

  /** Resolves once `close` has given up the address, though accepted clients may continue. */
  get stopped(): Promise<void> {
    return this.#stopped
  }

  #stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#onStopped()
    return closed
  }

  /**
   * Accepts clients that the system has queued for this socket: they would be reset when it closes, though
   * another process listens beside it. Resolves right after a turn of the event loop that found none.
   */
  async #emptyQueue(): Promise<void> {
    let accepted = 0
    let before = -1
    const count = () => void accepted++
    this.#server.on("connection", count)
    // Node.js accepts one client per turn, and the turn in progress may have done that already.
    await untilNextTurn()
    for (let turn = 0; turn < MAX_QUEUE_TURNS && accepted !== before; turn++) {
      before = accepted
      await untilNextTurn()
    }
    this.#server.off("connection", count)
  }

  #bind(options: SharedListenOptions): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject)
      this.#server.listen(options, () => {
        this.#server.off("error", reject)
        resolve()
      })
    })
  }
}
