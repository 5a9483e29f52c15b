/** A bound address: accepts clients, and at the end drains them. */
import { createServer, type ListenOptions, type Server, type Socket } from "node:net"
import { type Address, formatAddress, toNetOptions } from "../address/address.js"
import { SessionEnd } from "../close-reason.js"
import { toTimerMs } from "../shared/timer.js"
import { Connection, READ_AHEAD_BYTES } from "./connection.js"
import { bindUnixSocket } from "./unix-socket.js"

export interface ListenerOptions {
  readonly address: Address
  /** Permissions of a Unix socket, as in 0o660. Default: what the umask leaves. */
  readonly mode?: number | undefined
}

export interface ListenerEvents {
  /** A client has come. The promise resolves when its socket is gone. */
  onClient(client: Connection): Promise<void>
  /** A client could not be accepted, for want of descriptors for example. The listener goes on. */
  onFault(error: Error): void
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

/** Options of accepted sockets. */
export const ACCEPTED = { allowHalfOpen: true, noDelay: true, highWaterMark: READ_AHEAD_BYTES }

/** What the system's error means for an address that was to be bound. */
export function toBindError(address: Address, error: unknown): BindError {
  const { code = "", message } = error as NodeJS.ErrnoException
  const isPrivileged = address.kind === "tcp" && address.port < FIRST_FREE_PORT
  const kind = isPrivileged ? "privileged" : address.kind
  const fault = BIND_FAULTS[`${kind} ${code}`] ?? BIND_FAULTS[code] ?? message
  return new BindError(`cannot listen on ${formatAddress(address)}: ${fault}`, { cause: error })
}

export class Listener {
  readonly #server: Server
  /** Each client with the promise of its session's end. */
  readonly #clients = new Map<Connection, Promise<void>>()
  #address: Address
  #closed: Promise<void> | undefined
  /** Removes the path of a Unix socket. */
  #removePath = () => {}

  constructor(
    private readonly options: ListenerOptions,
    private readonly events: ListenerEvents,
  ) {
    this.#address = options.address
    this.#server = createServer(ACCEPTED)
    this.#server.on("connection", (socket) => this.#accept(socket))
  }

  /** Binds the address. Rejects with a `BindError`. */
  async listen(): Promise<void> {
    const { address, mode } = this.options
    try {
      if (address.kind === "unix") {
        const { path } = address
        this.#removePath = await bindUnixSocket({ path, mode }, (name) => this.#bind({ path: name }))
      } else await this.#bind(toNetOptions(address))
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

  /** The address that is bound, with the port that the system chose where 0 was asked for. */
  get address(): Address {
    return this.#address
  }

  /**
   * Accepts no more clients and resolves when the last one has gone and been reported. Those that are still here after
   * `timeoutMs` are closed; Infinity waits for them. It may be called again to shorten the wait.
   */
  async drain(timeoutMs: number): Promise<void> {
    this.#closed ??= this.#close()
    const isBounded = Number.isFinite(timeoutMs)
    const deadline = isBounded && setTimeout(() => this.#closeClients(), toTimerMs(timeoutMs))
    await this.#closed
    await Promise.all(this.#clients.values())
    if (deadline !== false) clearTimeout(deadline)
  }

  #close(): Promise<void> {
    this.#removePath()
    return new Promise((resolve) => this.#server.close(() => resolve()))
  }

  #closeClients(): void {
    for (const client of this.#clients.keys()) client.close(new SessionEnd("drain_timeout"))
  }

  #accept(socket: Socket): void {
    const client = Connection.accepted(socket)
    const gone = this.events.onClient(client).finally(() => this.#clients.delete(client))
    this.#clients.set(client, gone)
  }

  #bind(options: ListenOptions): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject)
      this.#server.listen(options, () => {
        this.#server.off("error", reject)
        resolve()
      })
    })
  }
}
