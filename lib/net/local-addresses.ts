/**
 * The addresses of this machine from which a pool's backends are dialled. Each has local ports of its own,
 * some 28,000 on Linux.
 */
import { isIP } from "node:net"

/** One way to a backend. */
export interface Route {
  /** The backend's IP address. */
  readonly host: string
  /** Absent: the system chooses. */
  readonly localAddress?: string
}

export class LocalAddresses {
  #turn = 0

  /** @param addresses IP addresses of both families, in any order */
  constructor(private readonly addresses: readonly string[]) {}

  /**
   * The ways to a backend, in the order in which to try them: for each of its addresses all local ones of the
   * same family, beginning with the next one in turn. The system chooses where there is none of that family.
   */
  routesTo(hosts: readonly string[]): Route[] {
    const turn = this.#turn++
    return hosts.flatMap((host): Route[] => {
      const locals = this.addresses.filter((address) => isIP(address) === isIP(host))
      if (locals.length === 0) return [{ host }]
      const first = turn % locals.length
      return [...locals.slice(first), ...locals.slice(0, first)].map((localAddress) => ({
        host,
        localAddress,
      }))
    })
  }
}
