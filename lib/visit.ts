/** Who asks for what: the first part of a session, at the end of which everything is known that can be known of a client. */
import { type ClientAddress, formatClientAddress, toClientAddress } from "./client/client-address.js"
import { reportedClient } from "./client/reported-client.js"
import type { TrustedProxies } from "./client/trusted-proxies.js"
import { SessionEnd } from "./close-reason.js"
import type { ListenerConfig } from "./config/schema.js"
import { parseRequestHead, type RequestHead } from "./http/head.js"
import type { Peer } from "./net/peer.js"
import { parseHead, REQUEST_FAULTS, readHead } from "./net/read-head.js"
import { readProxyHeader } from "./net/read-proxy-header.js"
import type { SessionSummary } from "./session-summary.js"
import { toUpgradeRequest, type UpgradeRequest } from "./upgrade/upgrade-request.js"

export interface Visit {
  readonly request: UpgradeRequest
  /** Where the connection comes from, by its own addresses or by its PROXY header. */
  readonly source: ClientAddress
  /** Where it went to, if its PROXY header tells. */
  readonly destination: ClientAddress | undefined
  /** Whether `source` is a trusted proxy, whose forwarding fields are believed. */
  readonly isProxied: boolean
  /** The client: `source`, or whom the trusted proxies report. */
  readonly visitor: ClientAddress
}

/** What a visit is received by. */
export interface Reception {
  readonly config: ListenerConfig
  readonly trusted: TrustedProxies
}

/**
 * Reads a PROXY header, where there is to be one, and the request. `admit` gets the client's address as soon as it is
 * known, which may be before the head is read, and may throw to turn the client away. Rejects with a `SessionEnd`.
 */
export async function receive(
  client: Peer,
  { config, trusted }: Reception,
  summary: SessionSummary,
  admit: (ip: string) => void,
): Promise<Visit> {
  const deadlineMs = performance.now() + config.read_timeout_ms
  let source = sourceOf(client)
  // A socket tells no address once its client has gone, and only on a Unix socket does "none" mean anything.
  if (source.ip === "" && !config.bind.startsWith("unix:")) throw new SessionEnd("client_left_in_head")
  let destination: ClientAddress | undefined
  if (config.accept_proxy_protocol && trusted.has(source.ip)) {
    const header = await readProxyHeader(client, config.read_timeout_ms)
    destination = header.destination
    source = header.source ?? source
    report(summary, source)
  }
  const isProxied = trusted.has(source.ip)
  if (!isProxied) admit(source.ip)

  const timeoutMs = Math.max(1, deadlineMs - performance.now())
  const limits = { maxBytes: config.max_head_bytes, timeoutMs }
  const bytes = await readHead(client, "request", limits, REQUEST_FAULTS)
  const head = parseHead(bytes, parseRequestHead, REQUEST_FAULTS)
  summary.path = pathOf(head)
  const request = toUpgradeRequest(head)
  const visitor = isProxied ? reportedClient(source, request.fields, trusted) : source
  if (isProxied) {
    report(summary, visitor)
    admit(visitor.ip)
  }
  return { request, source, destination, isProxied, visitor }
}

/** The other end of the client's connection. */
export function sourceOf({ socket }: Peer): ClientAddress {
  return toClientAddress(socket.remoteAddress, socket.remotePort)
}

/** Puts down who the client really is, and the proxy that says so. */
function report(summary: SessionSummary, visitor: ClientAddress): void {
  const client = formatClientAddress(visitor)
  if (client === summary.client) return
  summary.via ??= summary.client
  summary.client = client
}

/** A copy: a slice of the head's text would keep all of it in memory for as long as the tunnel lasts. */
function pathOf({ target }: RequestHead): string {
  const query = target.indexOf("?")
  return Buffer.from(query < 0 ? target : target.slice(0, query), "latin1").toString("latin1")
}
