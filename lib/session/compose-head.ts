/**
 * The two heads that rws composes: the request for the backend and the 101 for the client. No sockets in
 * here.
 */
import type { Address } from "../address/address.js"
import { forwardingEdits } from "../forwarding/forwarding-fields.js"
import { isSecure } from "../forwarding/reported-client.js"
import type { FieldEdit } from "../http/field-writer.js"
import { type ResponseHead, valuesOf } from "../http/head.js"
import type { Backend } from "../pool/backend.js"
import { rewriteRequest, rewriteUpgradeResponse } from "../upgrade/rewrite-head.js"
import { restrictSubprotocols } from "../upgrade/subprotocols.js"
import type { UpgradeRequest } from "../upgrade/upgrade-request.js"
import type { Admission } from "./admission.js"
import type { ListenerSettings, ListenerState } from "./listener-state.js"

/** What is known about the request head before a backend is chosen. */
export interface HeadPlan {
  readonly request: UpgradeRequest
  /** The request target, below the backend's base path. */
  readonly path: string
  /** "backend", "client" or a literal. */
  readonly hostHeader: string
  readonly edits: readonly FieldEdit[]
  /** Those of them whose values may be secret. */
  readonly secret: readonly FieldEdit[]
  /** The subprotocols that the backend is offered, if they are restricted. */
  readonly offered?: readonly string[]
}

interface Settings {
  readonly settings: Pick<ListenerSettings, "forwarded" | "client_tls">
  readonly listener: Pick<ListenerState, "address">
}

/** Throws a `SessionEnd` if the forwarding fields can't be written. */
export function planHead(
  { settings, listener }: Settings,
  { incoming, target, path, edits: granted }: Admission,
): HeadPlan {
  const { request, peer, proto, report, destination, trace } = incoming
  const { hostHeader, origin, requestFields, subprotocols } = target
  const localPort = settings.client_tls ? undefined : portOf(listener.address)
  const forwarding = forwardingEdits(settings.forwarded, {
    peer,
    proto,
    report,
    host: request.host,
    localPort: destination === undefined ? localPort : destination.port,
    fields: request.fields,
  })
  // These override whatever a client or a proxy has sent, and checks override the configuration.
  const secret = granted.length === 0 ? requestFields : [...requestFields, ...granted]
  const edits = forwarding.concat(originFor(request, origin), trace?.edits ?? [], secret)
  const plan = { request, path, hostHeader, edits, secret }
  if (subprotocols.size === 0) return plan
  const { offered, edit } = restrictSubprotocols(request.fields, subprotocols)
  return { ...plan, edits: [...edits, edit], offered }
}

/** The request head for this backend. */
export function composeHead({ request, path, hostHeader, edits }: HeadPlan, backend: Backend): string {
  const host = hostFor(backend, request, hostHeader)
  return rewriteRequest(request, { host, target: backend.basePath + path, edits })
}

/** The 101 for the client. */
export function composeUpgradeResponse(
  response: ResponseHead,
  { incoming: { request, proto, report }, target: { responseFields }, running }: Admission,
  backend: Backend,
): string {
  const cookie = running.pool.stickyField(backend, request, isSecure(report?.proto ?? proto))
  return rewriteUpgradeResponse(response, cookie === undefined ? responseFields : [...responseFields, cookie])
}

/** 0 = none, on a Unix socket. */
function portOf(address: Address): number {
  return address.kind === "tcp" ? address.port : 0
}

const NO_EDITS: readonly FieldEdit[] = []

/** An empty Origin counts as none, as where it is checked. */
function originFor({ fields }: UpgradeRequest, origin: FieldEdit | undefined): readonly FieldEdit[] {
  if (origin === undefined || valuesOf(fields, "origin").some((value) => value !== "")) return NO_EDITS
  return [origin]
}

/** The Host for the backend (RFC 9110 §7.2). */
function hostFor(backend: Backend, request: UpgradeRequest, hostHeader: string): string {
  if (hostHeader === "client") return request.host
  return hostHeader === "backend" ? backend.authority : hostHeader
}
