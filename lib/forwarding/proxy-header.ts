/** A parsed header of the PROXY protocol, version 1 or 2. */
import type { ClientAddress } from "../address/client-address.js"

export interface ProxyHeader {
  /** Length of the header in bytes. */
  readonly length: number
  /** The peer of the proxy in front of rws; absent if the connection's own address applies. */
  readonly source?: ClientAddress
  /** The address that this peer connected to; absent if the connection's own address applies. */
  readonly destination?: ClientAddress
  /** Set if the proxy has terminated TLS for this connection; only version 2 reports that. */
  readonly isTls?: true
}

/** The bytes are not the start of a valid PROXY header. The message says why. */
export class ProxyHeaderError extends Error {
  override readonly name = "ProxyHeaderError"
}

/** The fault of bytes that match neither version. */
export const NO_PROXY_HEADER = "starts with neither PROXY nor the version 2 signature"
