/** Opens a connection to one backend: TCP or a Unix socket, a PROXY header on it, and TLS on top, as far as they are wanted. */
import { closeSync, openSync } from "node:fs"
import { isIP, type NetConnectOpts } from "node:net"
import { devNull } from "node:os"
import type { ConnectionOptions, SecureContext } from "node:tls"
import { type Address, toNetOptions } from "../address.js"
import { asSessionEnd, SessionEnd } from "../close-reason.js"
import { type Owner, Peer } from "./peer.js"

/**
 * How long one of several addresses of a name may take before the next is tried. Node gives up an address at that, and its
 * default of 250 ms is less than one lost SYN.
 */
const MAX_ATTEMPT_MS = 1500

export interface DialOptions {
  /** For this backend, all the addresses of its name and the TLS handshake together. */
  readonly connectTimeoutMs: number
  /** TLS is spoken if it is given. */
  readonly tls?: TlsOptions | undefined
  /** What the backend gets before anything else, before TLS too: a PROXY header. */
  readonly preface?: Buffer | undefined
}

export interface TlsOptions {
  readonly context: SecureContext
  /** The name or IP address that the certificate must be for. A name is sent as SNI (RFC 6066 §3), an address is not. */
  readonly serverName: string
  /** Whether the certificate must be good; else any will do. */
  readonly isVerified: boolean
}

/**
 * Resolves to the connected backend. A name is resolved anew at each dial and all of its addresses are tried, the
 * families in turn (RFC 8305, Node's `autoSelectFamily`).
 *
 * In TLS 1.3 a backend judges our certificate only after the handshake has ended for us: that it wants none or another
 * shows as a break of the connection later.
 *
 * Rejects with a `SessionEnd`: `backend_unreachable`, `connect_timeout` or, where this machine lacks what a connection needs
 * and the backend is not to blame, `local_fault`, after which another backend may be tried; or, at once when `client`
 * leaves, `client_left_in_dial`.
 */
export function dial(address: Address, options: DialOptions, client?: Peer): Promise<Peer> {
  if (client?.left) return Promise.reject(new SessionEnd("client_left_in_dial"))
  return new Promise((resolve, reject) => {
    const { connectTimeoutMs, tls, preface } = options
    const connection = Peer.dialled(connectOptions(address, connectTimeoutMs))
    let backend = connection
    const deadline = setTimeout(() => backend.close(new SessionEnd("connect_timeout")), connectTimeoutMs)
    if (client !== undefined) {
      client.onLeave = (error) => backend.close(asSessionEnd(error, "client_left_in_dial"))
    }
    const settle = () => {
      clearTimeout(deadline)
      if (client !== undefined) client.onLeave = undefined
    }
    const connected = () => {
      settle()
      backend.release()
      resolve(backend)
    }
    const owner: Owner = {
      onBytes() {},
      onEnd() {},
      onDrain() {},
      onClose(error) {
        settle()
        reject(asSessionEnd(error, isLocalFault(error) ? "local_fault" : "backend_unreachable"))
      },
    }
    backend.own(owner)
    connection.socket.once("connect", () => {
      if (preface !== undefined) connection.socket.write(preface)
      if (tls === undefined) return connected()
      // Not before the connection is there: while several addresses are tried Node changes the handle under the socket.
      connection.release()
      backend = Peer.secured(connection, secureOptions(tls))
      backend.own(owner)
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

/**
 * This machine has no more descriptors, memory or ports, or no address of the kind. None of it tells anything about the
 * backend. (EADDRNOTAVAIL is about one destination: another backend may still be reached.)
 */
const LOCAL_FAULTS: ReadonlySet<unknown> = new Set(["EMFILE", "ENFILE", "EADDRNOTAVAIL", "ENOBUFS", "ENOMEM"])

function isLocalFault(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.every(isLocalFault)
  const { code, syscall } = (error ?? {}) as NodeJS.ErrnoException
  return LOCAL_FAULTS.has(code) || (syscall === "getaddrinfo" && !canOpenMore())
}

/** Without descriptors the resolver can read no file and ask no server, and says ENOTFOUND of every name. */
function canOpenMore(): boolean {
  try {
    closeSync(openSync(devNull, "r"))
    return true
  } catch {
    return false
  }
}
