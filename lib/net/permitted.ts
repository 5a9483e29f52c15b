/** Applies `permits` to the addresses of one dial. */
import type { LookupAddress } from "node:dns"
import { isIP } from "node:net"
import type { Address, TcpAddress } from "../address/address.js"
import type { Permits } from "../address/destinations.js"
import { SessionEnd } from "../close-reason.js"

/**
 * Throws `SessionEnd("destination_refused")` for an IP address that is not permitted. A Unix socket never is:
 * its path says nothing about where it leads. What a name leads to is unknown before it is resolved.
 */
export function refuseUnpermitted(address: Address, permits: Permits | undefined): void {
  if (permits === undefined) return
  if (address.kind === "unix") throw new SessionEnd("destination_refused", "", new Error("a Unix socket"))
  if (isIP(address.host) === 0) return
  const permitted = permittedOf(address, [{ address: address.host, family: isIP(address.host) }], permits)
  if (permitted instanceof SessionEnd) throw permitted
}

/**
 * The addresses of a host that may be dialled, or the end of the session if none of them may. Only the cause
 * of that names them: the client must not learn what a name resolves to in here.
 */
export function permittedOf(
  { host, port }: TcpAddress,
  addresses: readonly LookupAddress[],
  permits: Permits | undefined,
): LookupAddress[] | SessionEnd {
  // The zone of a link-local address is not part of it.
  const permitted = addresses.filter(
    ({ address }) => permits?.(host, address.replace(/%.*$/, ""), port) ?? true,
  )
  if (permitted.length > 0 || addresses.length === 0) return permitted
  const all = addresses.map(({ address }) => address).join(", ")
  const cause = new Error(`allow_destinations permits no address of ${host}, port ${port}: ${all}`)
  return new SessionEnd("destination_refused", "", cause)
}
