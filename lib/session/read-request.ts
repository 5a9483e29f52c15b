/** First stage of a session: PROXY header, request head, validation, client address, limits per client. */
import type { AskedRequest } from "../access/check.js"
import type { Address } from "../address/address.js"
import { type ClientAddress, formatClientAddress, toClientAddress } from "../address/client-address.js"
import { SessionEnd } from "../close-reason.js"
import { type Report, readReport } from "../forwarding/reported-client.js"
import { readTrace, type Trace } from "../forwarding/trace-fields.js"
import { detach } from "../http/detach.js"
import type { Connection } from "../net/connection.js"
import { REQUEST, readHead } from "../net/read-head.js"
import { loggedPath } from "../ops/logged-path.js"
import { noteFields } from "../ops/request-facts.js"
import type { SessionSummary } from "../ops/session-summary.js"
import { elapsedMs } from "../shared/clock.js"
import { toUpgradeRequest } from "../upgrade/upgrade-request.js"
import { readProxyHeader } from "./read-proxy-header.js"
import type { StageContext } from "./stage-context.js"
import { answerStatus, isStatusRequest } from "./status-request.js"
import { tell, tellHead } from "./tell.js"

export interface IncomingRequest extends AskedRequest {
  /**
   * The address that the peer connected to, if its PROXY header contains one, or if another server has
   * accepted it: then the listener has no address.
   */
  readonly destination: ClientAddress | undefined
}

/** Rejects with a `SessionEnd`. */
export async function readRequest(session: StageContext): Promise<IncomingRequest> {
  session.enter("head")
  const { client: connection, listener, settings, summary } = session
  const { trusted_proxies: trusted, read_timeout_ms: readTimeoutMs } = settings
  const { clock } = listener
  const startedMs = clock.nowMs()
  let peer = peerOf(connection)
  if (hasLeft(connection, listener)) throw new SessionEnd("client_aborted_in_head")
  let destination = connection.isAdopted ? localEndOf(connection) : undefined
  let proto: IncomingRequest["proto"] = settings.client_tls || connection.isTls ? "https" : "http"
  let isTrusted = trusted.has(peer.ip)
  if (settings.accept_proxy_protocol && isTrusted) {
    const header = await readProxyHeader(connection, readTimeoutMs, clock)
    destination = header.destination
    if (header.isTls) proto = "https"
    peer = detachIp(header.source ?? peer)
    // A header without a source (LOCAL, UNKNOWN, AF_UNIX) leaves open who has written the request.
    isTrusted = header.source !== undefined && trusted.has(peer.ip)
    setClient(summary, peer)
  }
  if (!isTrusted) acquireClient(session, peer.ip)

  tell(session, "awaiting the request head")
  const timeoutMs = Math.max(1, startedMs + readTimeoutMs - clock.nowMs())
  const limits = { maxBytes: settings.max_head_bytes, timeoutMs }
  const head = await readHead(connection, REQUEST, limits, clock)
  summary.headMs = elapsedMs(clock, startedMs)
  session.enter("validate")
  const path = loggedPath(head.target)
  if (path !== undefined) summary.path = path
  noteFields(summary, head.fields)
  let trace: Trace | undefined
  if (settings.trace_headers) {
    trace = readTrace(head.fields, isTrusted)
    summary.requestId = trace.requestId
    summary.traceparent = trace.traceparent
  }
  tellHead(session, "request head received", head.text)
  if (isStatusRequest(head, settings.status_path)) throw answerStatus(session, head.method)
  let report: Report | undefined
  let client = peer
  if (isTrusted) {
    // Before the request is validated, so that clients with invalid requests are limited and logged, too.
    report = readReport(head.fields, trusted)
    client = detachIp(report.hops[0] ?? peer)
    setClient(summary, client)
    acquireClient(session, client.ip)
  }
  const request = toUpgradeRequest(head)
  return { request, received: request, peer, destination, proto, report, client, trace }
}

/** The other end of the client's connection. */
export function peerOf({ socket }: Connection): ClientAddress {
  return toClientAddress(socket.remoteAddress, socket.remotePort)
}

/** Our end of it. */
function localEndOf({ socket }: Connection): ClientAddress {
  return toClientAddress(socket.localAddress, socket.localPort)
}

/** A socket has no address once its client has closed. Only on a Unix socket is that normal. */
export function hasLeft(
  { socket, isAdopted }: Connection,
  { address }: { readonly address: Address },
): boolean {
  if (socket.remoteAddress !== undefined) return false
  // Of an adopted socket only this tells: a TCP socket that is there knows its own address.
  return isAdopted ? socket.destroyed || socket.localAddress !== undefined : address.kind !== "unix"
}

/** The limits and the summary keep the address for longer than the head that it is a substring of. */
function detachIp({ ip, port }: ClientAddress): ClientAddress {
  return { ip: detach(ip), port }
}

/** Counts the session for its client's address, or refuses it. */
function acquireClient(session: StageContext, ip: string): void {
  session.hold(session.listener.clients.acquire(ip))
}

/** Logs the reported client instead of the peer, and the peer as the proxy in between. */
function setClient(summary: SessionSummary, address: ClientAddress): void {
  const client = formatClientAddress(address)
  if (client === summary.client) return
  summary.via ??= summary.client
  summary.client = client
}
