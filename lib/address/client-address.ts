/** Who is at the other end of a client's connection, as far as it is known. */
import { formatHostPort } from "./address.js"
import { canonicalIp } from "./ip.js"

export interface ClientAddress {
  /** As `canonicalIp` writes it; "" = unknown, as on a Unix socket. */
  readonly ip: string
  /** 0 = unknown. */
  readonly port: number
}

/** The address that a socket tells; what it does not tell is unknown. */
export function toClientAddress(ip: string | undefined, port: number | undefined): ClientAddress {
  return { ip: ip === undefined ? "" : canonicalIp(ip), port: port ?? 0 }
}

/** `ip:port` or `[v6]:port`, the IP address alone where the port is unknown, "unix" where nothing is known. */
export function formatClientAddress({ ip, port }: ClientAddress): string {
  if (ip === "") return "unix"
  return port === 0 ? ip : formatHostPort(ip, port)
}
