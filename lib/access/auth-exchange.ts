/**
 * What an authorization service is asked, and what its response means. Pure. The fields are those of
 * Traefik's ForwardAuth, Caddy's forward_auth and, for services that are made for nginx, its usual
 * X-Original-*.
 */
import { type OwnResponse, SessionEnd } from "../close-reason.js"
import { isSecure } from "../forwarding/reported-client.js"
import { FieldEdit } from "../http/field-writer.js"
import { isHopByHop } from "../http/hop-by-hop.js"
import type { HttpResponse } from "../net/http-client.js"
import type { AskedRequest, Grant } from "./check.js"

/** The scheme and host that the client has used, as the backend is told too. */
function originOf({ proto, report, request }: AskedRequest): { proto: string; host: string } {
  return {
    proto: isSecure(report?.proto ?? proto) ? "https" : "http",
    host: report?.host ?? request.host,
  }
}

/**
 * What the service is told about a request: names and values in turn.
 * @param names of the client's fields that the service gets, in lower case
 */
export function questionAbout(asked: AskedRequest, names: ReadonlySet<string>): string[] {
  const { request, client } = asked
  const { proto, host } = originOf(asked)
  const fields = [
    "X-Forwarded-Method",
    "GET",
    "X-Forwarded-Proto",
    proto,
    "X-Forwarded-Host",
    host,
    "X-Forwarded-Uri",
    request.target,
    "X-Original-Method",
    "GET",
    "X-Original-URL",
    `${proto}://${host}${request.target}`,
  ]
  if (client.ip !== "") fields.push("X-Forwarded-For", client.ip)
  for (const { name, value, line } of request.fields) {
    // With the case in which the client has sent it.
    if (names.has(name)) fields.push(line.slice(0, name.length), value)
  }
  return fields
}

/** What the service is told to find the request in logs. It differs in each request. */
export function traceFieldsOf({ trace }: AskedRequest): string[] {
  return trace === undefined ? [] : ["X-Request-ID", trace.requestId, "traceparent", trace.traceparent]
}

/** The responses that are meant for the client. */
const RELAYED: ReadonlySet<number> = new Set([301, 302, 303, 307, 308, 401, 403])
/** rws writes these itself, or they belong to the connection. */
const REWRITTEN: ReadonlySet<string> = new Set(["content-length", "date", "trailer"])

/**
 * Throws a `SessionEnd` unless the service lets the request in.
 * @param copied names of fields for the backend
 */
export function toGrant(response: HttpResponse, copied: readonly string[]): Grant {
  const { status } = response
  if (status >= 200 && status <= 299) return { edits: copied.flatMap((name) => editsOf(response, name)) }
  if (!RELAYED.has(status)) throw new SessionEnd("auth_failed", `its status is ${status}`)
  throw new SessionEnd("auth_refused", `its status is ${status}`, undefined, toOwnResponse(response))
}

/** The client's own fields of this name are removed in any case. */
function editsOf({ fields }: HttpResponse, name: string): FieldEdit[] {
  const values = fields
    .filter(([other]) => other.toLowerCase() === name.toLowerCase())
    .map(([, value]) => value)
  const [first, ...more] = values
  if (first === undefined) return [FieldEdit.remove(name)]
  return [FieldEdit.set(name, first), ...more.map((value) => FieldEdit.append(name, value))]
}

function toOwnResponse({ status, fields, body }: HttpResponse): OwnResponse {
  const listed = fields
    .filter(([name]) => name.toLowerCase() === "connection")
    .flatMap(([, value]) => value.toLowerCase().split(","))
    .map((member) => member.trim())
  let fieldLines = ""
  for (const [name, value] of fields) {
    const key = name.toLowerCase()
    if (!isHopByHop(key, listed) && !REWRITTEN.has(key)) fieldLines += FieldEdit.set(name, value).line
  }
  return { status, fieldLines, body }
}
