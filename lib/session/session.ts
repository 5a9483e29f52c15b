/**
 * One client connection's life, from accept to close:
 *
 *   read head ─► parse ─► validate ─► route ─► choose backend ─► dial ─► send head ─► await 101 ─► tunnel ─► close
 *
 * Every stage hands on what the next one needs or throws the `SessionEnd` that ends the session. Nothing else knows
 * the order.
 */
import { formatClientAddress, toClientAddress } from "../address/client-address.js"
import { CLOSE_REASONS, type CloseReason, SessionEnd, toSessionEnd } from "../close-reason.js"
import { forwardingEdits } from "../forwarding/forwarding-fields.js"
import { writeProxyHeader } from "../forwarding/proxy-protocol.js"
import { isSecure } from "../forwarding/reported-client.js"
import type { FieldEdit } from "../http/field-writer.js"
import type { ClientLimits } from "../limits/client-limits.js"
import type { SocketPlaces } from "../limits/descriptors.js"
import type { Place, Places } from "../limits/places.js"
import type { Connection } from "../net/connection.js"
import { dial } from "../net/dial.js"
import type { EndedSession, SessionSummary } from "../ops/session-summary.js"
import type { Backend } from "../pool/backend.js"
import type { Pool } from "../pool/pool.js"
import { isDotSegmented } from "../routing/path-pattern.js"
import type { Router } from "../routing/router.js"
import { rewriteRequest, rewriteUpgradeResponse } from "../upgrade/rewrite-head.js"
import { restrictSubprotocols } from "../upgrade/subprotocols.js"
import type { UpgradeRequest } from "../upgrade/upgrade-request.js"
import { type Answer, type HandshakeOptions, handshake } from "./handshake.js"
import { type Reception, receive, sourceOf, type Visit } from "./read-request.js"
import { refuse } from "./refuse.js"
import { relay } from "./relay.js"
import type { Destination } from "./route-target.js"
import { type TunnelOptions, tunnel } from "./tunnel.js"

/** What the sessions of one listener share. */
export interface SessionContext extends Reception {
  readonly name: string
  readonly router: Router<Destination>
  readonly limits: ClientLimits
  /** `max_connections` of the listener. */
  readonly connections: Places
  /** `max_pending` of the listener. */
  readonly pending: Places
  /** What the process has descriptors for. */
  readonly sockets: SocketPlaces
  readonly tunnel: TunnelOptions
  /** The port that is bound; 0 on a Unix socket. */
  readonly localPort: () => number
  /** The tunnel has begun. */
  onOpen(summary: SessionSummary): void
  /** The session has ended, or been refused. Called once for every session. */
  onEnd(session: EndedSession, end: SessionEnd): void
  /** One backend could not be dialled, and the session goes on to another. */
  onDialFailure(backend: string, error: SessionEnd): void
}

interface Session {
  readonly client: Connection
  readonly context: SessionContext
  readonly summary: SessionSummary
  /** Given back when the session has ended, before a refused client is waited for. */
  held: readonly Place[]
}

/** A backend that has a place reserved for this session. */
interface Chosen {
  readonly backend: Backend
  readonly peer: Connection
}

interface RequestChanges {
  readonly edits: readonly FieldEdit[]
  /** The subprotocols that the backend is offered, where they are restricted. */
  readonly offered?: readonly string[]
}

/** Runs one session. Resolves when the client's socket is gone. */
export async function runSession(client: Connection, context: SessionContext): Promise<void> {
  const session: Session = { client, context, summary: summarize(client, context), held: [] }
  const end = await converse(session).catch((error: unknown) => toSessionEnd(error, "internal_error"))
  conclude(session, end)
  if (session.summary.tunnelMs === undefined) await dismiss(session, end)
}

/** Gives back what the session holds and reports its end. */
function conclude({ context, summary, held }: Session, end: SessionEnd): void {
  for (const place of held) place.release()
  const { who, status } = CLOSE_REASONS[end.reason]
  const ended = { reason: end.reason, who, status: status ?? summary.status }
  context.onEnd(Object.assign(summary, ended), end)
}

/** Refuses a client, and waits for it while there are not too many that are waited for. */
async function dismiss({ client, context }: Session, end: SessionEnd): Promise<void> {
  const { lingering } = context.sockets
  const lingers = lingering.acquire()
  await refuse(client, end, lingers)
  if (lingers) lingering.release()
}

/** Resolves to how the tunnel ended. Rejects with what ended the session before there was one. */
async function converse(session: Session): Promise<SessionEnd> {
  const { client, context, summary } = session
  admit(session)
  const { backend, peer } = await open(session).finally(() => context.pending.release())
  context.onOpen(summary)
  const openedMs = performance.now()
  const end = await tunnel(client, peer, context.tunnel)
  backend.release()
  summary.tunnelMs = performance.now() - openedMs
  summary.bytesFromClient = client.stageBytes
  summary.bytesFromBackend = peer.stageBytes
  return end
}

/** From the client's first byte to a backend whose 101 the client has been given. Nothing of it outlives the call. */
async function open(session: Session): Promise<Chosen> {
  const { client, context, summary } = session
  const visit = await receive(client, context, summary, (ip) => count(session, ip))
  const { destination, target } = context.router.route(visit.request)
  destination.checkOrigin(visit.request.fields)
  refuseEscape(target, destination.running.pool)
  const { edits, offered } = changesFor(session, visit, destination)

  const startedMs = performance.now()
  const chosen = await dialOne(session, visit, destination).finally(() => {
    summary.dialMs = performance.now() - startedMs
  })
  const { backend, peer } = chosen
  try {
    const head = rewriteRequest(visit.request, {
      host: hostFor(backend, visit.request, destination.hostHeader),
      target: backend.basePath + target,
      edits,
    })
    const answer = await ask(session, chosen, { head, key: visit.request.key, offered })
    if (answer.head.status !== 101) {
      await relay(client, peer, answer, context.config.handshake_timeout_ms)
      throw new SessionEnd("refused_by_backend")
    }
    const isTls = isSecure(visit.report?.proto ?? visit.proto)
    const cookie = destination.running.pool.stickyField(backend, visit.request, isTls)
    const responseEdits =
      cookie === undefined ? destination.responseFields : [...destination.responseFields, cookie]
    client.socket.write(rewriteUpgradeResponse(answer.head, responseEdits), "latin1")
    return chosen
  } catch (error) {
    peer.close(toSessionEnd(error, "internal_error"))
    backend.release()
    throw error
  }
}

/** Takes the places that a session needs to begin. Throws `SessionEnd`. */
function admit(session: Session): void {
  const { connections, pending, sockets } = session.context
  acquire(session, connections, "too_many_connections")
  acquire(session, sockets.sessions, "local_exhaustion", sockets.fault)
  if (!pending.acquire()) throw new SessionEnd("too_many_pending")
}

/** Takes a place for as long as the session lasts. Throws `SessionEnd` where there is none. */
function acquire(session: Session, places: Places, reason: CloseReason, cause?: Error): void {
  if (!places.acquire()) throw new SessionEnd(reason, "", cause)
  hold(session, places)
}

/** Counts the session for its client's address, unless that has too many. */
function count(session: Session, ip: string): void {
  hold(session, session.context.limits.acquire(ip))
}

/** A new array of just the right length: `push` would reserve 17 elements for the life of the tunnel. */
function hold(session: Session, place: Place): void {
  session.held = session.held.concat(place)
}

/**
 * Until the first byte of the head has been written nothing was asked of a backend, so a failed dial, and nothing
 * later, may move on to the next one.
 */
async function dialOne(session: Session, visit: Visit, destination: Destination): Promise<Chosen> {
  const { client, context, summary } = session
  const { running } = destination
  const { pool } = running
  const connectTimeoutMs = context.config.connect_timeout_ms
  const preface = prefaceFor(pool, visit, client)
  let failed: { readonly backend: string; readonly error: SessionEnd } | undefined
  for (const backend of pool.reserve(visit.request, visit.visitor.ip)) {
    // The last failure has no line of its own: it is what the session's line says.
    if (failed !== undefined) context.onDialFailure(failed.backend, failed.error)
    summary.backend = backend.name
    try {
      const options = { connectTimeoutMs, preface, tls: running.tlsFor(backend) }
      const peer = await dial(backend.address, options, client)
      pool.dialled(backend)
      return { backend, peer }
    } catch (cause) {
      backend.release()
      const error = toSessionEnd(cause, "internal_error")
      const { retry, charged } = CLOSE_REASONS[error.reason]
      if (!retry) throw error
      if (charged) pool.dialFailed(backend)
      failed = { backend: backend.name, error }
    }
  }
  throw failed?.error ?? new SessionEnd("no_backend")
}

/** The PROXY header that the backend gets before anything else, if its pool wants one. */
function prefaceFor({ settings }: Pool, visit: Visit, { socket }: Connection): Buffer | undefined {
  const version = settings.send_proxy_protocol
  if (version === undefined) return undefined
  const destination = visit.destination ?? toClientAddress(socket.localAddress, socket.localPort)
  return writeProxyHeader(version, visit.visitor, destination)
}

/** With dot segments a request would leave the path under which its backend lives. */
function refuseEscape(target: string, { members }: Pool): void {
  if (members.every(({ basePath }) => basePath === "")) return
  if (isDotSegmented(target.replace(/\?.*$/, ""))) {
    throw new SessionEnd("bad_target", "its path holds dot segments")
  }
}

/**
 * How the request's fields change on their way to any backend. It may refuse the request, so it comes before
 * the dial.
 */
function changesFor({ context }: Session, visit: Visit, destination: Destination): RequestChanges {
  const { fields, host } = visit.request
  const forwarding = forwardingEdits(context.config.forwarded, {
    peer: visit.source,
    proto: visit.proto,
    report: visit.report,
    host,
    localPort: visit.destination?.port ?? context.localPort(),
    fields,
  })
  // What the configuration says comes last, so that it holds whatever a client or a proxy has sent.
  const edits = [...forwarding, ...destination.requestFields]
  if (destination.subprotocols.size === 0) return { edits }
  const { offered, edit } = restrictSubprotocols(fields, destination.subprotocols)
  return { edits: [...edits, edit], offered }
}

/** Sends the backend its head and waits for the answer. */
async function ask(
  { client, context, summary }: Session,
  { peer }: Chosen,
  request: Omit<HandshakeOptions, "timeoutMs">,
): Promise<Answer> {
  const options = { ...request, timeoutMs: context.config.handshake_timeout_ms }
  const sentMs = performance.now()
  const answer = await handshake(peer, options, client).finally(() => {
    summary.handshakeMs = performance.now() - sentMs
  })
  summary.status = answer.head.status
  return answer
}

function summarize(client: Connection, { name, config }: SessionContext): SessionSummary {
  const source = sourceOf(client)
  // A socket tells no address when its client has gone already.
  const isUnknown = source.ip === "" && !config.bind.startsWith("unix:")
  return {
    listener: name,
    client: isUnknown ? "unknown" : formatClientAddress(source),
    bytesFromClient: 0,
    bytesFromBackend: 0,
  }
}

/** The Host that a backend gets (RFC 9110 §7.2). */
function hostFor(backend: Backend, request: UpgradeRequest, hostHeader: string): string {
  if (hostHeader === "client") return request.host
  return hostHeader === "backend" ? backend.authority : hostHeader
}
