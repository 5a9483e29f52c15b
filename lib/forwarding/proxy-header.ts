/** What a header of the PROXY protocol says, whichever of its two versions it is written in. */
import type { ClientAddress } from "../address/client-address.js"

export interface ProxyHeader {
  /** How many bytes the header has. */
  readonly length: number
  /** Who connected to the proxy; absent where the connection's own address holds. */
  readonly source?: ClientAddress
  /** Where it connected to; absent where the connection's own address holds. */
  readonly destination?: ClientAddress
  /** Set if the proxy says that it has taken TLS off this connection; only version 2 can say so. */
  readonly isTls?: true
}

/** Bytes that are no PROXY header and can't become one. The message says why. */
export class ProxyHeaderError extends Error {
  override readonly name = "ProxyHeaderError"
}

/** What is wrong with bytes of which already the first ones fit neither version. */
export const NO_PROXY_HEADER = "it begins neither with PROXY nor with the signature of version 2"
