/** Address of a client, as far as it is known. */
import { formatHostPort } from "./address.js"
import { canonicalIp } from "./ip.js"

export interface ClientAddress {
  /** In the form of `canonicalIp`; "" = unknown, e.g. on a Unix socket. */
  readonly ip: string
  /** 0 = unknown. */
  readonly port: number
}

/** Converts what a socket reports; undefined = unknown. */
export function toClientAddress(ip: string | undefined, port: number | undefined): ClientAddress {
  return { ip: ip === undefined ? "" : canonicalIp(ip), port: port ?? 0 }
}

/**
 * Formats `ip:port` or `[v6]:port`; the IP address alone if the port is unknown; "unix" if both are unknown.
 */
export function formatClientAddress({ ip, port }: ClientAddress): string {
  if (ip === "") return "unix"
  return port === 0 ? ip : formatHostPort(ip, port)
}
