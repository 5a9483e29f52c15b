/**
 * Who may ask the admin server. Browsers let any page send requests to it, so three things are checked:
 *
 * - Host, against DNS rebinding: a page's own name that suddenly resolves to this address is refused.
 * - Origin, against requests that another page sends: browsers name the page in it.
 * - The token, if there is one, as `Authorization: Bearer` or as the cookie that a login has set.
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto"
import { type Address, isHostField } from "../address/address.js"
import { hostName } from "../address/host-pattern.js"
import { canonicalIp } from "../address/ip.js"

/** The fields of a request that the guard reads. */
export interface GuardedFields {
  readonly host?: string | undefined
  readonly origin?: string | undefined
  readonly authorization?: string | undefined
  readonly cookie?: string | undefined
}

export interface GuardFault {
  readonly status: 401 | 403
  readonly text: string
}

export const COOKIE = "rws_admin"

export class Guard {
  /** What a login sets instead of the token itself. Another one at each start. */
  readonly #cookieValue: string | undefined

  constructor(
    private readonly bind: Address,
    private readonly token?: string,
  ) {
    this.#cookieValue = token && createHmac("sha256", randomBytes(32)).update(token).digest("base64url")
  }

  /**
   * Returns why the request is refused; undefined if it may go on.
   * @param isPublic whether it needs no token
   */
  faultOf(fields: GuardedFields, isPublic = false): GuardFault | undefined {
    if (!this.#isKnownHost(fields.host)) {
      return { status: 403, text: "the Host is neither an IP address nor the host of [admin] bind" }
    }
    if (!isSameOrigin(fields)) return { status: 403, text: "requests of other origins are refused" }
    if (isPublic || this.#isAuthorized(fields)) return undefined
    return { status: 401, text: "expected the token of [admin], as Authorization: Bearer TOKEN" }
  }

  /** The Set-Cookie field for this token; undefined if it is not the right one. */
  login(token: unknown): string | undefined {
    if (typeof token !== "string" || this.token === undefined || !isEqual(token, this.token)) return undefined
    return `${COOKIE}=${this.#cookieValue}; Path=/; HttpOnly; SameSite=Strict`
  }

  /**
   * Rebinding needs a name, so any IP address will do. With a token any name will do: a page that rebinds its
   * own name has neither the token nor the cookie.
   */
  #isKnownHost(host: string | undefined): boolean {
    if (this.bind.kind === "unix" || this.token !== undefined) return true
    if (host === undefined || !isHostField(host)) return false
    const name = hostName(host)
    if (canonicalIp(name.replace(/^\[(.*)\]$/, "$1")) !== "") return true
    return name === "localhost" || name.endsWith(".localhost") || name === this.bind.host.toLowerCase()
  }

  #isAuthorized({ authorization, cookie }: GuardedFields): boolean {
    if (this.token === undefined) return true
    const [, given] = /^bearer +(\S+) *$/i.exec(authorization ?? "") ?? []
    if (given !== undefined) return isEqual(given, this.token)
    const [, value] = new RegExp(`(?:^|; *)${COOKIE}=([^;]*)`).exec(cookie ?? "") ?? []
    return value !== undefined && this.#cookieValue !== undefined && isEqual(value, this.#cookieValue)
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

/** Takes the same time wherever they differ. */
function isEqual(one: string, other: string): boolean {
  const [first, second] = [one, other].map((text) => createHash("sha256").update(text).digest())
  return first !== undefined && second !== undefined && timingSafeEqual(first, second)
}
