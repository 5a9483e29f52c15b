/** Opens a connection to one backend. */
import type { NetConnectOpts } from "node:net"
import { type Address, toNetOptions } from "../address.js"
import { asSessionEnd, SessionEnd } from "../close-reason.js"
import { Peer } from "./peer.js"

/**
 * How long one of several addresses of a name may take before the next is tried. Node gives up an address at that, and its
 * default of 250 ms is less than one lost SYN.
 */
const MAX_ATTEMPT_MS = 1500

export interface DialOptions {
  /** For this backend, all the addresses of its name together. */
  readonly connectTimeoutMs: number
}

/**
 * Resolves to the connected backend. A name is resolved anew at each dial and all of its addresses are tried, the
 * families in turn (RFC 8305, Node's `autoSelectFamily`).
 *
 * Rejects with a `SessionEnd`: `backend_unreachable` or `connect_timeout`, after which another backend may be tried,
 * or, at once when `client` leaves, `client_left_in_dial`.
 */
export function dial(address: Address, options: DialOptions, client: Peer): Promise<Peer> {
  if (client.left) return Promise.reject(new SessionEnd("client_left_in_dial"))
  return new Promise((resolve, reject) => {
    const backend = Peer.dialled(connectOptions(address, options))
    const deadline = setTimeout(
      () => backend.close(new SessionEnd("connect_timeout")),
      options.connectTimeoutMs,
    )
    client.onLeave = (error) => backend.close(asSessionEnd(error, "client_left_in_dial"))
    const settle = () => {
      clearTimeout(deadline)
      client.onLeave = undefined
    }
    backend.own({
      onBytes() {},
      onEnd() {},
      onDrain() {},
      onClose(error) {
        settle()
        reject(asSessionEnd(error, "backend_unreachable"))
      },
    })
    backend.socket.once("connect", () => {
      settle()
      backend.release()
      resolve(backend)
    })
  })
}

/** What concerns TCP only is passed over for a Unix socket. */
function connectOptions(address: Address, { connectTimeoutMs }: DialOptions): NetConnectOpts {
  return {
    ...toNetOptions(address),
    allowHalfOpen: true,
    noDelay: true,
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: Math.min(MAX_ATTEMPT_MS, Math.ceil(connectTimeoutMs / 2)),
  }
}
