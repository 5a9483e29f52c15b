/** Dials a backend from given local addresses, each of which has ports of its own. */
import { isIP } from "node:net"
import type { Address, TcpAddress } from "../address/address.js"
import { SessionEnd, toSessionEnd } from "../close-reason.js"
import { type Clock, systemClock } from "../shared/clock.js"
import type { Connection } from "./connection.js"
import { attemptMs, Dial, type DialOptions } from "./dial.js"
import type { LocalAddresses } from "./local-addresses.js"
import { isPortFault } from "./local-fault.js"
import { permittedOf, refuseUnpermitted } from "./permitted.js"
import { RESOLVER } from "./resolve.js"

/** A dial in flight; see `Dial`. */
export interface Dialling {
  readonly connected: Promise<Connection>
  close(error: Error): void
}

type Options = Omit<DialOptions, "localAddress">

/** Begins to dial. Without local addresses the system chooses one. */
export function dial(
  address: Address,
  from: LocalAddresses | undefined,
  options: Options,
  clock: Clock = systemClock,
): Dialling {
  if (from === undefined || address.kind === "unix") return new Dial(address, options, clock)
  return new DialFrom(address, from, options, clock)
}

/**
 * Tries one pair of addresses after the other: the next local address if one has no port left, and the next
 * address of the backend's name if one can't be reached. Node tries only one address of a name if the local
 * one is given.
 */
class DialFrom implements Dialling {
  readonly connected: Promise<Connection>
  readonly #deadlineMs: number
  #dial: Dial | undefined
  #closedBy: Error | undefined
  #stopResolving: ((error: Error) => void) | undefined

  constructor(
    private readonly address: TcpAddress,
    private readonly from: LocalAddresses,
    private readonly options: Options,
    private readonly clock: Clock,
  ) {
    this.#deadlineMs = clock.nowMs() + options.connectTimeoutMs
    this.connected = this.#connect()
  }

  close(error: Error): void {
    this.#closedBy ??= error
    this.#stopResolving?.(error)
    this.#dial?.close(error)
  }

  async #connect(): Promise<Connection> {
    let failure = new SessionEnd("backend_unreachable")
    let routes = this.from.routesTo(await this.#resolve())
    for (let [route] = routes; route !== undefined; [route] = routes) {
      const { host } = route
      const elsewhere = routes.filter((other) => other.host !== host)
      try {
        return await this.#open(host, route.localAddress, elsewhere.length === 0)
      } catch (error) {
        failure = toSessionEnd(error, "internal_error")
        if (this.#closedBy !== undefined) throw failure
        routes = isPortFault(failure.cause) ? routes.slice(1) : elsewhere
      }
    }
    throw failure
  }

  #open(host: string, localAddress: string | undefined, isLastHost: boolean): Promise<Connection> {
    const leftMs = this.#deadlineMs - this.clock.nowMs()
    if (this.#closedBy !== undefined) throw this.#closedBy
    if (leftMs <= 0) throw new SessionEnd("connect_timeout")
    const connectTimeoutMs = isLastHost ? leftMs : Math.min(leftMs, attemptMs(this.options.connectTimeoutMs))
    // `#resolve` has asked for the host's name, which this dial does not know.
    const options = { ...this.options, localAddress, connectTimeoutMs, permits: undefined }
    this.#dial = new Dial({ ...this.address, host }, options, this.clock)
    return this.#dial.connected
  }

  /** All permitted addresses of the backend, in the system's order. Rejects with a `SessionEnd`. */
  async #resolve(): Promise<string[]> {
    const { host } = this.address
    const { connectTimeoutMs, permits } = this.options
    refuseUnpermitted(this.address, permits)
    if (isIP(host) !== 0) return [host]
    const timeout = this.clock.after(connectTimeoutMs, () =>
      this.#stopResolving?.(new SessionEnd("resolve_timeout")),
    )
    try {
      return await new Promise((resolve, reject) => {
        const stop = RESOLVER.resolve(host, connectTimeoutMs, (failure, addresses) => {
          const permitted = failure ?? permittedOf(this.address, addresses, permits)
          if (permitted instanceof SessionEnd) reject(permitted)
          else resolve(permitted.map(({ address }) => address))
        })
        this.#stopResolving = (error) => {
          stop()
          reject(error)
        }
      })
    } finally {
      timeout.cancel()
      this.#stopResolving = undefined
    }
  }
}
