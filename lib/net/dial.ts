/** Opens a connection to one backend: TCP or a Unix socket, then the PROXY header and TLS if configured. */
import { isIP, type NetConnectOpts } from "node:net"
import type { ConnectionOptions, SecureContext } from "node:tls"
import type { Address, TcpAddress } from "../address/address.js"
import type { Permits } from "../address/destinations.js"
import { SessionEnd, toSessionEnd } from "../close-reason.js"
import { type Clock, systemClock, type Timer } from "../shared/clock.js"
import { Connection, type Handler } from "./connection.js"
import { isLocalFault, isPortFault } from "./local-fault.js"
import { permittedOf, refuseUnpermitted } from "./permitted.js"
import { RESOLVER } from "./resolve.js"

/**
 * How long one of several addresses of a name may take before the next is tried. Node then gives the address
 * up, and its default of 250 ms is shorter than the retransmission of one lost SYN.
 */
const MAX_ATTEMPT_MS = 1500

export interface DialOptions {
  /** For this backend: resolving its name, trying all its addresses, and the TLS handshake together. */
  readonly connectTimeoutMs: number
  /** Absent: plain TCP. */
  readonly tls?: TlsOptions | undefined
  /** A PROXY header, sent before anything else, including TLS. */
  readonly proxyHeader?: Buffer | undefined
  /**
   * Checked for each address after resolution, so that no name can lead elsewhere; with it, Unix sockets may
   * not be dialled at all. Default: all may.
   */
  readonly permits?: Permits | undefined
  /** The IP address to dial from, only with an IP address to dial. Absent: the system chooses. */
  readonly localAddress?: string | undefined
}

export interface TlsOptions {
  readonly context: SecureContext
  /**
   * The name or IP address that the certificate must match. A name is sent as SNI (RFC 6066 §3), an address
   * is not.
   */
  readonly serverName: string
  /** Whether the certificate is verified. */
  readonly isVerified: boolean
}

/**
 * One attempt to connect to a backend. All addresses of a name are tried, alternating between the families
 * (RFC 8305, Node's `autoSelectFamily`).
 *
 * In TLS 1.3 a backend checks our certificate only after the handshake has ended for us: if it rejects the
 * certificate, the connection breaks later.
 */
export class Dial implements Handler {
  /**
   * Resolves to the connection, which nobody is attached to. Rejects with a `SessionEnd`:
   * `backend_unreachable`, `connect_timeout`, `resolve_failed` or `resolve_timeout`; `destination_refused` by
   * `permits`; `local_exhaustion` if this machine lacks descriptors, ports or memory; or the error that
   * `close` was given.
   */
  readonly connected: Promise<Connection>
  readonly #tcp: Connection
  readonly #deadline: Timer
  #connection: Connection
  #stopResolving: (() => void) | undefined
  #resolve: ((connection: Connection) => void) | undefined
  #reject: ((error: SessionEnd) => void) | undefined

  /** Throws a `SessionEnd`, `destination_refused`, if the address itself may not be dialled. */
  constructor(
    address: Address,
    private readonly options: DialOptions,
    clock: Clock = systemClock,
  ) {
    const { connectTimeoutMs, permits } = options
    refuseUnpermitted(address, permits)
    this.#tcp = Connection.dialled(
      address.kind === "unix" ? { path: address.path } : this.#tcpOptions(address),
    )
    this.#connection = this.#tcp
    this.#deadline = clock.after(connectTimeoutMs, () => this.#onTimeout())
    this.connected = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.#tcp.attach(this)
  }

  /** Ends the dial, or closes the connection that it has led to. */
  close(error: Error): void {
    this.#connection.close(error)
  }

  onBytes(): void {}

  onEnd(): void {}

  onDrain(): void {}

  onClose(error?: Error): void {
    this.#settle()
    this.#reject?.(toDialEnd(error))
  }

  onConnect(): void {
    const { proxyHeader, tls } = this.options
    const isSecured = this.#connection !== this.#tcp
    if (proxyHeader !== undefined && !isSecured) this.#tcp.socket.write(proxyHeader)
    if (tls === undefined || isSecured) {
      this.#settle()
      this.#connection.detach()
      this.#resolve?.(this.#connection)
      return
    }
    // Not before it is connected: while several addresses are tried Node replaces the handle of the socket.
    this.#tcp.detach()
    this.#connection = Connection.secured(this.#tcp, secureOptions(tls))
    this.#connection.attach(this)
  }

  #onTimeout(): void {
    this.close(new SessionEnd(this.#stopResolving === undefined ? "connect_timeout" : "resolve_timeout"))
  }

  #tcpOptions(address: TcpAddress): NetConnectOpts {
    const { host, port } = address
    const { connectTimeoutMs, localAddress, permits } = this.options
    return {
      host,
      port,
      autoSelectFamily: true,
      autoSelectFamilyAttemptTimeout: attemptMs(connectTimeoutMs),
      ...(localAddress !== undefined && { localAddress }),
      // Node calls it for names only.
      lookup: (name, _, callback) => {
        this.#stopResolving = RESOLVER.resolve(name, connectTimeoutMs, (failure, addresses) => {
          this.#stopResolving = undefined
          // Node dials only what it gets here, so it does not matter what the name resolves to later.
          const permitted = permittedOf(address, addresses, permits)
          if (permitted instanceof SessionEnd) callback(permitted, [])
          else callback(failure, permitted)
        })
      },
    }
  }

  #settle(): void {
    this.#stopResolving?.()
    this.#deadline.cancel()
  }
}

/** How long one of several addresses of a name may take before the next is tried. */
export function attemptMs(connectTimeoutMs: number): number {
  return Math.min(MAX_ATTEMPT_MS, Math.ceil(connectTimeoutMs / 2))
}

function toDialEnd(error: unknown): SessionEnd {
  if (isPortFault(error)) {
    const detail = "no local address or port is left for this backend; see local_addresses"
    return new SessionEnd("local_exhaustion", detail, error)
  }
  return toSessionEnd(error, isLocalFault(error) ? "local_exhaustion" : "backend_unreachable")
}

function secureOptions({ context, serverName, isVerified }: TlsOptions): ConnectionOptions {
  // Certificates and SNI contain neither the zone of a link-local address nor the final dot of a name.
  const host = serverName.replace(/%.*$|\.$/, "")
  return {
    secureContext: context,
    host,
    ...(isIP(host) === 0 && { servername: host }),
    rejectUnauthorized: isVerified,
    ALPNProtocols: ["http/1.1"],
  }
}
