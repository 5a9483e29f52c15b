/**
 * Which web pages may connect. A browser sends the page's origin with every upgrade, and a server that relies on cookies must
 * check it (RFC 6455 §10.2): any page can open a WebSocket to any host.
 */

import { isHostField } from "../address/address.js"
import { hostName, parseHostPattern } from "../address/host-pattern.js"
import { SessionEnd } from "../close-reason.js"
import { type Field, valuesOf } from "../http/head.js"
import { SettingError } from "../settings/setting-error.js"

export interface OriginRules {
  /** Each as `parseOriginPattern` takes it. Empty: every origin may connect. */
  readonly allowed_origins: readonly string[]
  /** Whether a client that names no origin is refused. Browsers always name one. */
  readonly require_origin: boolean
}

/** Whether an origin is meant, given as the Origin field has it. */
export type OriginPattern = (origin: string) => boolean

const DEFAULT_PORTS: ReadonlyMap<string, string> = new Map([
  ["http", "80"],
  ["https", "443"],
])

/**
 * Makes the check of a request's Origin (RFC 6454 §7), which throws `SessionEnd` `bad_origin`. Where there are rules, a second
 * Origin field is refused: two readers could each take another one. Throws `SettingError`.
 */
export function toOriginCheck({
  allowed_origins,
  require_origin,
}: OriginRules): (fields: readonly Field[]) => void {
  const patterns = allowed_origins.map(parseOriginPattern)
  if (patterns.length === 0 && !require_origin) return () => {}
  return (fields) => {
    const [origin = "", ...more] = valuesOf(fields, "origin")
    if (more.length > 0) throw new SessionEnd("bad_origin", "there is more than one")
    if (origin === "") {
      if (require_origin) throw new SessionEnd("bad_origin", "there is none")
    } else if (patterns.length > 0 && !patterns.some((isMeant) => isMeant(origin))) {
      throw new SessionEnd("bad_origin", "it is not one of those that are allowed")
    }
  }
}

/**
 * Parses `scheme://host[:port]`, where the host may be `*.name`, or `null`. Case does not count, and the scheme's own port
 * is the same as none. Throws `SettingError`.
 */
export function parseOriginPattern(text: string): OriginPattern {
  if (text.toLowerCase() === "null") return (origin) => origin.toLowerCase() === "null"
  const { scheme, host, port } = parseOrigin(text.replace("://*.", "://")) ?? {}
  if (scheme === undefined || host === undefined) {
    throw new SettingError(
      `"${text}" is not an origin: expected scheme://host[:port], scheme://*.host[:port] or null`,
    )
  }
  const isHost = parseHostPattern(text.includes("://*.") ? `*.${host}` : host)
  return (origin) => {
    const other = parseOrigin(origin)
    return other !== undefined && other.scheme === scheme && other.port === port && isHost(other.host)
  }
}

interface Origin {
  readonly scheme: string
  readonly host: string
  /** "" where the scheme has no port of its own and none is given. */
  readonly port: string
}

/** The parts of an origin (RFC 6454 §6.2); undefined for anything else, such as a URL with a path. */
function parseOrigin(text: string): Origin | undefined {
  const [, scheme, authority = ""] = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/.exec(text.toLowerCase()) ?? []
  if (scheme === undefined || !isHostField(authority)) return undefined
  const port = /:0*(\d+)$/.exec(authority)?.[1] ?? DEFAULT_PORTS.get(scheme) ?? ""
  return { scheme, host: hostName(authority), port }
}
