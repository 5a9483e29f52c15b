/**
 * Who may ask the admin server. Browsers let any page send requests to it, so three things are checked:
 *
 * - Host, against DNS rebinding: a page's own name that suddenly resolves to this address is refused.
 * - Origin and Sec-Fetch-Site, against requests that another page sends: browsers name the page in them.
 * - The token, if there is one, as `Authorization: Bearer`. Never as a cookie: browsers send the cookies of a
 *   host to all of its ports, and so to the listeners and their backends.
 */
import { createHash, timingSafeEqual } from "node:crypto"
import { type Address, isHostField } from "../address/address.js"
import { hostName } from "../address/host-pattern.js"
import { canonicalIp } from "../address/ip.js"

/** The fields of a request that the guard reads. */
export interface GuardedFields {
  readonly host?: string | undefined
  readonly origin?: string | undefined
  readonly authorization?: string | undefined
  readonly "sec-fetch-site"?: string | string[] | undefined
  readonly "sec-fetch-mode"?: string | string[] | undefined
}

export interface GuardFault {
  readonly status: 401 | 403
  readonly text: string
}

export class Guard {
  constructor(
    private readonly bind: Address,
    private readonly token?: string,
  ) {}

  /**
   * Returns why the request is refused; undefined if it may go on.
   * @param isPublic whether it needs no token
   */
  faultOf(fields: GuardedFields, isPublic = false): GuardFault | undefined {
    if (!this.#isKnownHost(fields.host)) {
      return {
        status: 403,
        text: "the Host is neither an IP address, localhost nor the host of [admin] bind",
      }
    }
    if (!isSameOrigin(fields) || isFromOtherPage(fields))
      return { status: 403, text: "requests of other origins are refused" }
    if (isPublic || this.#isAuthorized(fields)) return undefined
    return { status: 401, text: "expected the token of [admin], as Authorization: Bearer TOKEN" }
  }

  /**
   * Rebinding needs a name, so any IP address will do. With a token any name will do: a page that rebinds its
   * own name has no token. A Unix socket may be forwarded to a TCP port, as by ssh.
   */
  #isKnownHost(host: string | undefined): boolean {
    if (this.token !== undefined) return true
    if (host === undefined || !isHostField(host)) return false
    const name = hostName(host)
    if (canonicalIp(name.replace(/^\[(.*)\]$/, "$1")) !== "") return true
    if (name === "localhost" || name.endsWith(".localhost")) return true
    return this.bind.kind === "tcp" && name === this.bind.host.toLowerCase()
  }

  #isAuthorized({ authorization }: GuardedFields): boolean {
    if (this.token === undefined) return true
    const [, given] = /^bearer +(\S+) *$/i.exec(authorization ?? "") ?? []
    return given !== undefined && isEqual(given, this.token)
  }
}

/**
 * Programs send no Origin, and browsers none with a GET of the page itself. TLS may end in front of rws, so
 * the scheme is not compared.
 */
function isSameOrigin({ origin, host }: GuardedFields): boolean {
  if (origin === undefined) return true
  const [, from] = /^https?:\/\/(.+)$/i.exec(origin) ?? []
  return from !== undefined && from.toLowerCase() === host?.toLowerCase()
}

/**
 * Browsers send no Origin with some GETs of other pages, but this. A link to the admin page may be followed.
 */
function isFromOtherPage(fields: GuardedFields): boolean {
  const site = fields["sec-fetch-site"] ?? "none"
  return site !== "none" && site !== "same-origin" && fields["sec-fetch-mode"] !== "navigate"
}

/** Takes the same time wherever they differ. */
function isEqual(one: string, other: string): boolean {
  const [first, second] = [one, other].map((text) => createHash("sha256").update(text).digest())
  return first !== undefined && second !== undefined && timingSafeEqual(first, second)
}
