/**
 * Is this request a WebSocket upgrade? RFC 6455 §4.2.1 with the general rules of RFC 9112, nothing lax: whatever
 * two servers could read in two ways is refused here, before a backend hears of it.
 */
import { isHostField } from "../address/address.js"
import { SessionEnd } from "../close-reason.js"
import { type Field, listOf, type RequestHead, valuesOf } from "../http/head.js"
import { isNeverHopByHop } from "../http/hop-by-hop.js"

/** A request that has been found to be a valid WebSocket upgrade. */
export interface UpgradeRequest {
  /** The target in origin-form: a path with its query, if any. */
  readonly target: string
  /** The value of `Host`. */
  readonly host: string
  /** The value of `Sec-WebSocket-Key`. */
  readonly key: string
  /** Every field as the client sent it. */
  readonly fields: readonly Field[]
  /** The members of its Connection fields, in lower case. */
  readonly connection: readonly string[]
}

const VISIBLE_ASCII = /^[\x21-\x7e]+$/
const BASE64_OF_16_BYTES = /^[A-Za-z0-9+/]{22}==$/
/** An absolute URI of a scheme that a WebSocket handshake may name, split into authority and the rest. */
const ABSOLUTE_FORM = /^(?:https?|wss?):\/\/([^/?]*)(.*)$/i

/** Checks one request head. Throws a `SessionEnd` with the reason and status that the client gets. */
export function toUpgradeRequest(head: RequestHead): UpgradeRequest {
  const { fields } = head
  if (head.version !== "HTTP/1.1") throw new SessionEnd("bad_version", `this request is ${head.version}`)
  if (head.method !== "GET") throw new SessionEnd("bad_method", `this request is ${head.method}`)
  const host = theHost(fields)
  const target = originForm(head.target, host)
  refuseBody(fields)
  const connection = listOf(fields, "connection")
  if (!listOf(fields, "upgrade").includes("websocket")) {
    throw new SessionEnd("bad_upgrade", "the Upgrade field does not list websocket")
  }
  if (!connection.includes("upgrade")) {
    throw new SessionEnd("bad_upgrade", "the Connection field does not list upgrade")
  }
  if (connection.some(isNeverHopByHop)) {
    throw new SessionEnd("bad_upgrade", "the Connection field names a field that is not hop-by-hop")
  }
  if (valuesOf(fields, "sec-websocket-version").join() !== "13") throw new SessionEnd("bad_ws_version")
  return { target, host, key: theKey(fields), fields, connection }
}

/** RFC 9112 §3.2: exactly one Host, with a valid value. */
function theHost(fields: readonly Field[]): string {
  const [host, ...more] = valuesOf(fields, "host")
  if (host === undefined) throw new SessionEnd("bad_host", "there is none")
  if (more.length > 0) throw new SessionEnd("bad_host", "there is more than one")
  if (!isHostField(host)) throw new SessionEnd("bad_host", "expected host or host:port")
  return host
}

/**
 * RFC 9112 §3.2.2: a server accepts the absolute form too, and a gateway asks its backend in origin-form. Where the two places
 * that name the host disagree we refuse.
 */
function originForm(target: string, host: string): string {
  if (!VISIBLE_ASCII.test(target))
    throw new SessionEnd("bad_target", "it holds characters that must be encoded")
  if (target.includes("#")) throw new SessionEnd("bad_target", "it must not hold a fragment (#)")
  if (target.startsWith("/")) return target
  const [, authority, rest = ""] = ABSOLUTE_FORM.exec(target) ?? []
  if (authority === undefined) throw new SessionEnd("bad_target", "expected a path that begins with /")
  if (authority.toLowerCase() !== host.toLowerCase()) {
    throw new SessionEnd("bad_target", "its host is not the one in the Host field")
  }
  return rest.startsWith("/") ? rest : `/${rest}`
}

function refuseBody(fields: readonly Field[]): void {
  if (fields.some((field) => field.name === "transfer-encoding")) {
    throw new SessionEnd("has_body", "there is a Transfer-Encoding field")
  }
  if (valuesOf(fields, "content-length").some((value) => !/^0+$/.test(value))) {
    throw new SessionEnd("has_body", "the Content-Length field is not 0")
  }
}

function theKey(fields: readonly Field[]): string {
  const [key, ...more] = valuesOf(fields, "sec-websocket-key")
  if (key === undefined) throw new SessionEnd("bad_key", "there is none")
  if (more.length > 0) throw new SessionEnd("bad_key", "there is more than one")
  if (!BASE64_OF_16_BYTES.test(key)) throw new SessionEnd("bad_key", "expected 16 bytes in base64")
  return key
}
