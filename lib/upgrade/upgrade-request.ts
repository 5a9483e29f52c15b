/**
 * Validates a WebSocket upgrade by RFC 6455 §4.2.1 and the general rules of RFC 9112. Strict: whatever two
 * servers could interpret differently is refused before it reaches a backend.
 */
import { isHostField } from "../address/address.js"
import { SessionEnd } from "../close-reason.js"
import { type Field, listOf, type RequestHead, valuesOf } from "../http/head.js"
import { isNeverHopByHop } from "../http/hop-by-hop.js"

/** A valid WebSocket upgrade. */
export interface UpgradeRequest {
  /** The target in origin-form: path and query. */
  readonly target: string
  /** The value of `Host`. */
  readonly host: string
  /** The value of `Sec-WebSocket-Key`. */
  readonly key: string
  /** Every field as the client sent it. */
  readonly fields: readonly Field[]
  /** The members of the Connection fields, in lower case. */
  readonly connection: readonly string[]
}

const VISIBLE_ASCII = /^[\x21-\x7e]+$/
const BASE64_OF_16_BYTES = /^[A-Za-z0-9+/]{22}==$/
/** Splits an absolute URI with a scheme of HTTP or WebSocket into its authority and the rest. */
const ABSOLUTE_FORM = /^(?:https?|wss?):\/\/([^/?]*)(.*)$/i

/** Throws a `SessionEnd` whose reason says what the client gets. */
export function toUpgradeRequest(head: RequestHead): UpgradeRequest {
  const { fields } = head
  if (head.version !== "HTTP/1.1") throw new SessionEnd("bad_version", `got ${head.version}`)
  if (head.method !== "GET") throw new SessionEnd("bad_method", `got ${head.method}`)
  const host = theHost(fields)
  const target = originForm(head.target, host)
  refuseBody(fields)
  const connection = listOf(fields, "connection")
  if (!listOf(fields, "upgrade").includes("websocket")) {
    throw new SessionEnd("bad_upgrade", "Upgrade does not list websocket")
  }
  if (!connection.includes("upgrade")) {
    throw new SessionEnd("bad_upgrade", "Connection does not list upgrade")
  }
  if (connection.some(isNeverHopByHop)) {
    throw new SessionEnd("bad_upgrade", "Connection names a field that is not hop-by-hop")
  }
  if (valuesOf(fields, "sec-websocket-version").join() !== "13") throw new SessionEnd("bad_ws_version")
  return { target, host, key: theKey(fields), fields, connection }
}

/** RFC 9112 §3.2 requires exactly one Host field with a valid value. */
function theHost(fields: readonly Field[]): string {
  const [host, ...more] = valuesOf(fields, "host")
  if (host === undefined) throw new SessionEnd("bad_host", "missing")
  if (more.length > 0) throw new SessionEnd("bad_host", "more than one")
  if (!isHostField(host)) throw new SessionEnd("bad_host", "expected host or host:port")
  return host
}

/**
 * RFC 9112 §3.2.2: servers must accept absolute-form too, and gateways forward origin-form. If the target and
 * the Host field name different hosts, the request is refused. Throws `SessionEnd("bad_target")`.
 */
export function originForm(target: string, host: string): string {
  if (!VISIBLE_ASCII.test(target))
    throw new SessionEnd("bad_target", "contains characters that must be percent-encoded")
  if (target.includes("#")) throw new SessionEnd("bad_target", "contains a fragment (#)")
  if (target.startsWith("/")) return target
  const [, authority, rest = ""] = ABSOLUTE_FORM.exec(target) ?? []
  if (authority === undefined) throw new SessionEnd("bad_target", "expected a path that starts with /")
  if (authority.toLowerCase() !== host.toLowerCase()) {
    throw new SessionEnd("bad_target", "its host differs from the Host field")
  }
  return rest.startsWith("/") ? rest : `/${rest}`
}

function refuseBody(fields: readonly Field[]): void {
  if (fields.some((field) => field.name === "transfer-encoding")) {
    throw new SessionEnd("has_body", "Transfer-Encoding is present")
  }
  if (valuesOf(fields, "content-length").some((value) => !/^0+$/.test(value))) {
    throw new SessionEnd("has_body", "Content-Length is not 0")
  }
}

function theKey(fields: readonly Field[]): string {
  const [key, ...more] = valuesOf(fields, "sec-websocket-key")
  if (key === undefined) throw new SessionEnd("bad_key", "missing")
  if (more.length > 0) throw new SessionEnd("bad_key", "more than one")
  if (!BASE64_OF_16_BYTES.test(key)) throw new SessionEnd("bad_key", "expected 16 bytes in base64")
  return key
}
