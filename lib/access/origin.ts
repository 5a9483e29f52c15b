/**
 * Checks which web pages may connect. Any page can open a WebSocket to any host, and a browser sends the
 * page's origin with every upgrade. A server that relies on cookies must check it (RFC 6455 §10.2).
 */
import { isHostField } from "../address/address.js"
import { hostName, parseHostPattern } from "../address/host-pattern.js"
import { SessionEnd } from "../close-reason.js"
import { type Field, valuesOf } from "../http/head.js"
import { SettingError } from "../settings/setting-error.js"

export interface OriginRules {
  /** Empty: every origin may connect. */
  readonly allowed_origins: readonly OriginPattern[]
  /** Whether a request without Origin is refused. Browsers always send one. */
  readonly require_origin: boolean
}

/** Whether the pattern matches the value of an Origin field. */
export type OriginPattern = (origin: string) => boolean

const DEFAULT_PORTS: ReadonlyMap<string, string> = new Map([
  ["http", "80"],
  ["https", "443"],
])

/**
 * Returns a check of a request's Origin (RFC 6454 §7) that throws `SessionEnd("bad_origin")`. If there are
 * rules, a second Origin field is refused, since two readers could each pick another one.
 */
export function toOriginCheck({
  allowed_origins: patterns,
  require_origin,
}: OriginRules): (fields: readonly Field[]) => void {
  if (patterns.length === 0 && !require_origin) return () => {}
  return (fields) => {
    const [origin = "", ...more] = valuesOf(fields, "origin")
    if (more.length > 0) throw new SessionEnd("bad_origin", "more than one")
    if (origin === "") {
      if (require_origin) throw new SessionEnd("bad_origin", "missing")
    } else if (patterns.length > 0 && !patterns.some((matches) => matches(origin))) {
      throw new SessionEnd("bad_origin", "not in allowed_origins")
    }
  }
}

/**
 * Parses `scheme://host[:port]`, whose host may be `*.name`, or `null`. Patterns are case-insensitive, and
 * the default port of the scheme equals no port. Throws `SettingError`.
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

/** Checks the value of an Origin field that rws sends: `scheme://host[:port]`. Throws `SettingError`. */
export function checkOrigin(text: string): void {
  if (/^[\w.-]+$|^\[/.test(parseOrigin(text)?.host ?? "")) return
  throw new SettingError(`"${text}" is not an origin: expected scheme://host[:port], without a path`)
}

interface Origin {
  readonly scheme: string
  readonly host: string
  /** "" if no port is given and the scheme has no default port. */
  readonly port: string
}

/** Splits an origin (RFC 6454 §6.2). Returns undefined for anything else, such as a URL with a path. */
function parseOrigin(text: string): Origin | undefined {
  const [, scheme, authority = ""] = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/.exec(text.toLowerCase()) ?? []
  if (scheme === undefined || !isHostField(authority)) return undefined
  const port = /:0*(\d+)$/.exec(authority)?.[1] ?? DEFAULT_PORTS.get(scheme) ?? ""
  return { scheme, host: hostName(authority), port }
}
