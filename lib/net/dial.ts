/** Opens a connection to one backend: TCP or a Unix socket, a PROXY header on it, and TLS on top, as far as they are wanted. */
import { isIP, type LookupFunction, type NetConnectOpts } from "node:net"
import type { ConnectionOptions, SecureContext } from "node:tls"
import { type Address, toNetOptions } from "../address/address.js"
import { SessionEnd, toSessionEnd } from "../close-reason.js"
import { Connection, type Handler } from "./connection.js"
import { isLocalFault } from "./local-fault.js"
import { RESOLVER } from "./resolve.js"

/**
 * How long one of several addresses of a name may take before the next is tried. Node gives up an address at that, and its
 * default of 250 ms is less than one lost SYN.
 */
const MAX_ATTEMPT_MS = 1500

export interface DialOptions {
  /** For this backend: resolving its name, all the addresses of it, and the TLS handshake together. */
  readonly connectTimeoutMs: number
  /** TLS is spoken if it is given. */
  readonly tls?: TlsOptions | undefined
  /** What the backend gets before anything else, before TLS too: a PROXY header. */
  readonly preface?: Buffer | undefined
  /** Ends the dial, because rws is shutting down. */
  readonly signal?: AbortSignal | undefined
}

export interface TlsOptions {
  readonly context: SecureContext
  /** The name or IP address that the certificate must be for. A name is sent as SNI (RFC 6066 §3), an address is not. */
  readonly serverName: string
  /** Whether the certificate must be good; else any will do. */
  readonly isVerified: boolean
}

/**
 * Resolves to the connected backend. All addresses of a name are tried, the families in turn (RFC 8305,
 * Node's `autoSelectFamily`).
 *
 * In TLS 1.3 a backend judges our certificate only after the handshake has ended for us: that it wants none
 * or another shows as a break of the connection later.
 *
 * Rejects with a `SessionEnd`. After these another backend may be tried: `backend_unreachable` and
 * `connect_timeout`; and, where the backend is not to blame, `resolve_failed` and `resolve_timeout`, or
 * `local_exhaustion` if this machine lacks what a connection needs. At once when `client` leaves:
 * `client_aborted_in_dial`; and when `signal` is aborted: `drain_timeout`.
 */
export function dial(address: Address, options: DialOptions, client?: Connection): Promise<Connection> {
  const { connectTimeoutMs, tls, preface, signal } = options
  if (client?.hasAborted) return Promise.reject(new SessionEnd("client_aborted_in_dial"))
  if (signal?.aborted) return Promise.reject(new SessionEnd("drain_timeout"))
  return new Promise((resolve, reject) => {
    /** Ends the wait for the addresses of a name, as long as there is one. */
    let stopResolving: (() => void) | undefined
    const lookup: LookupFunction = (name, _, callback) => {
      stopResolving = RESOLVER.resolve(name, connectTimeoutMs, (failure, addresses) => {
        stopResolving = undefined
        callback(failure, [...addresses])
      })
    }
    const connection = Connection.dialled({ ...connectOptions(address, connectTimeoutMs), lookup })
    let backend = connection
    const abort = () => backend.close(new SessionEnd("drain_timeout"))
    signal?.addEventListener("abort", abort)
    const deadline = setTimeout(
      () =>
        backend.close(new SessionEnd(stopResolving === undefined ? "connect_timeout" : "resolve_timeout")),
      connectTimeoutMs,
    )
    if (client !== undefined) {
      client.onAbort = (error) => backend.close(toSessionEnd(error, "client_aborted_in_dial"))
    }
    const settle = () => {
      stopResolving?.()
      clearTimeout(deadline)
      signal?.removeEventListener("abort", abort)
      if (client !== undefined) client.onAbort = undefined
    }
    const connected = () => {
      settle()
      backend.detach()
      resolve(backend)
    }
    const handler: Handler = {
      onBytes() {},
      onEnd() {},
      onDrain() {},
      onClose(error) {
        settle()
        reject(toSessionEnd(error, isLocalFault(error) ? "local_exhaustion" : "backend_unreachable"))
      },
    }
    backend.attach(handler)
    connection.socket.once("connect", () => {
      if (preface !== undefined) connection.socket.write(preface)
      if (tls === undefined) return connected()
      // Not before the connection is there: while several addresses are tried Node changes the handle under the socket.
      connection.detach()
      backend = Connection.secured(connection, secureOptions(tls))
      backend.attach(handler)
      backend.socket.once("secureConnect", connected)
    })
  })
}

/** What concerns TCP only is passed over for a Unix socket. */
function connectOptions(address: Address, connectTimeoutMs: number): NetConnectOpts {
  return {
    ...toNetOptions(address),
    allowHalfOpen: true,
    noDelay: true,
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: Math.min(MAX_ATTEMPT_MS, Math.ceil(connectTimeoutMs / 2)),
  }
}

function secureOptions({ context, serverName, isVerified }: TlsOptions): ConnectionOptions {
  // Neither the zone of a link-local address nor the dot behind a name is part of what a certificate or SNI has.
  const host = serverName.replace(/%.*$|\.$/, "")
  return {
    secureContext: context,
    host,
    ...(isIP(host) === 0 && { servername: host }),
    rejectUnauthorized: isVerified,
    ALPNProtocols: ["http/1.1"],
  }
}
