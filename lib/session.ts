/**
 * One client connection's life, from accept to close:
 *
 *   read head ─► parse ─► validate ─► choose backend ─► dial ─► send head ─► await 101 ─► tunnel ─► close
 *
 * Every stage hands on what the next one needs or throws the `SessionEnd` that ends the session. Nothing else knows
 * the order.
 */
import { formatHostPort } from "./address.js"
import { type BackendAddress, hostOf } from "./backend-address.js"
import { asSessionEnd, CLOSE_REASONS, SessionEnd } from "./close-reason.js"
import type { ListenerConfig } from "./config/schema.js"
import { parseRequestHead, type RequestHead } from "./http/head.js"
import { dial } from "./net/dial.js"
import { handshake } from "./net/handshake.js"
import type { Peer } from "./net/peer.js"
import { parseHead, REQUEST_FAULTS, readHead } from "./net/read-head.js"
import { refuse } from "./net/refuse.js"
import { relay } from "./net/relay.js"
import { type TunnelOptions, tunnel } from "./net/tunnel.js"
import type { Backend, Pool } from "./routing/pool.js"
import type { SessionSummary } from "./session-summary.js"
import { forwardUpgradeAnswer } from "./upgrade/forward.js"
import { toUpgradeRequest, type UpgradeRequest } from "./upgrade/upgrade-request.js"

/** What the sessions of one listener share. */
export interface SessionContext {
  readonly name: string
  readonly config: ListenerConfig
  readonly pool: Pool
  readonly tunnel: TunnelOptions
  /** The tunnel has begun. */
  onOpen(summary: SessionSummary): void
  /** The session has ended, or been refused. Called once for every session. */
  onEnd(summary: SessionSummary, end: SessionEnd): void
  /** One backend could not be dialled; the session may go on with another. */
  onDialFailure(backend: string, error: SessionEnd): void
}

/** Runs one session. Resolves when the client's socket is gone. */
export async function runSession(client: Peer, admitted: boolean, context: SessionContext): Promise<void> {
  const summary = summarize(client, context)
  const end = await converse(client, admitted, context, summary).catch((error: unknown) =>
    asSessionEnd(error, "internal_error"),
  )
  const { who, status } = CLOSE_REASONS[end.reason]
  summary.reason = end.reason
  summary.who = who
  summary.status = status ?? summary.status
  context.onEnd(summary, end)
  if (summary.tunnelMs === undefined) await refuse(client, end)
}

/** Resolves to how the tunnel ended. Rejects with what ended the session before there was one. */
async function converse(
  client: Peer,
  admitted: boolean,
  context: SessionContext,
  summary: SessionSummary,
): Promise<SessionEnd> {
  if (!admitted) throw new SessionEnd("too_many_connections")
  const backend = await open(client, context, summary)
  context.onOpen(summary)
  const openedMs = performance.now()
  const end = await tunnel(client, backend, context.tunnel)
  summary.tunnelMs = performance.now() - openedMs
  summary.bytesFromClient = client.stageBytes
  summary.bytesFromBackend = backend.stageBytes
  return end
}

/** From the client's first byte to a backend whose 101 the client has been given. Nothing of it outlives the call. */
async function open(client: Peer, context: SessionContext, summary: SessionSummary): Promise<Peer> {
  const { config } = context
  const limits = { maxBytes: config.max_head_bytes, timeoutMs: config.read_timeout_ms }
  const bytes = await readHead(client, "request", limits, REQUEST_FAULTS)
  const head = parseHead(bytes, parseRequestHead, REQUEST_FAULTS)
  summary.path = pathOf(head)
  const request = toUpgradeRequest(head)

  const startedMs = performance.now()
  const { peer: backend, backend: chosen } = await dialOne(client, context, summary).finally(() => {
    summary.dialMs = performance.now() - startedMs
  })
  try {
    const options = {
      host: hostFor(chosen, request, config.host_header),
      timeoutMs: config.handshake_timeout_ms,
    }
    const sentMs = performance.now()
    const answer = await handshake(backend, request, options, client).finally(() => {
      summary.handshakeMs = performance.now() - sentMs
    })
    summary.status = answer.head.status
    if (answer.head.status !== 101) {
      await relay(client, backend, answer, config.handshake_timeout_ms)
      throw new SessionEnd("refused_by_backend")
    }
    client.socket.write(forwardUpgradeAnswer(answer.head), "latin1")
    return backend
  } catch (error) {
    backend.close(asSessionEnd(error, "internal_error"))
    throw error
  }
}

/**
 * Until the first byte of the head has been written nothing was asked of a backend, so a failed dial, and nothing
 * later, may move on to the next one.
 */
async function dialOne(
  client: Peer,
  { config, pool, onDialFailure }: SessionContext,
  summary: SessionSummary,
): Promise<{ peer: Peer; backend: Backend }> {
  const options = { connectTimeoutMs: config.connect_timeout_ms }
  let failure = new SessionEnd("no_backend")
  for (const backend of pool.candidates()) {
    summary.backend = backend.name
    try {
      return { peer: await dial(backend.address, options, client), backend }
    } catch (error) {
      failure = asSessionEnd(error, "internal_error")
      if (!isDialFailure(failure)) throw failure
      onDialFailure(backend.name, failure)
    }
  }
  throw failure
}

function isDialFailure({ reason }: SessionEnd): boolean {
  return reason === "backend_unreachable" || reason === "connect_timeout"
}

function summarize({ socket }: Peer, { name, config }: SessionContext): SessionSummary {
  const { remoteAddress, remotePort } = socket
  let client = config.bind.startsWith("unix:") ? "unix" : "unknown"
  if (remoteAddress !== undefined && remotePort !== undefined)
    client = formatHostPort(remoteAddress, remotePort)
  return { listener: name, client, bytesFromClient: 0, bytesFromBackend: 0 }
}

/** A copy: a slice of the head's text would keep all of it in memory for as long as the tunnel lasts. */
function pathOf({ target }: RequestHead): string {
  const query = target.indexOf("?")
  return Buffer.from(query < 0 ? target : target.slice(0, query), "latin1").toString("latin1")
}

/** The Host that a backend gets (RFC 9110 §7.2). */
function hostFor(backend: BackendAddress, request: UpgradeRequest, hostHeader: string): string {
  if (hostHeader === "client") return request.host
  return hostHeader === "backend" ? hostOf(backend) : hostHeader
}
