/** Who asks for what: the first part of a session, at the end of which everything is known that can be known of a client. */
import { type ClientAddress, formatClientAddress, toClientAddress } from "../address/client-address.js"
import { SessionEnd } from "../close-reason.js"
import type { ListenerConfig } from "../config/schema.js"
import { type Report, readReport } from "../forwarding/reported-client.js"
import type { TrustedProxies } from "../forwarding/trusted-proxies.js"
import { detach } from "../http/detach.js"
import { parseRequestHead } from "../http/head.js"
import type { Connection } from "../net/connection.js"
import { parseHead, REQUEST_FAULTS, readHead } from "../net/read-head.js"
import { loggedPath } from "../ops/logged-path.js"
import type { SessionSummary } from "../ops/session-summary.js"
import { toUpgradeRequest, type UpgradeRequest } from "../upgrade/upgrade-request.js"
import { readProxyHeader } from "./read-proxy-header.js"

export interface Visit {
  readonly request: UpgradeRequest
  /** Where the connection comes from, by its own addresses or by its PROXY header. */
  readonly source: ClientAddress
  /** Where it went to, if its PROXY header tells. */
  readonly destination: ClientAddress | undefined
  /** How it came: by TLS if its PROXY header says so. */
  readonly proto: "http" | "https"
  /** What `source` reports, if it is a trusted proxy. */
  readonly report: Report | undefined
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
  client: Connection,
  { config, trusted }: Reception,
  summary: SessionSummary,
  admit: (ip: string) => void,
): Promise<Visit> {
  const deadlineMs = performance.now() + config.read_timeout_ms
  let source = sourceOf(client)
  // A socket tells no address once its client has gone, and only on a Unix socket does "none" mean anything.
  if (source.ip === "" && !config.bind.startsWith("unix:")) throw new SessionEnd("client_aborted_in_head")
  let destination: ClientAddress | undefined
  let proto: Visit["proto"] = "http"
  let isTrusted = trusted.has(source.ip)
  if (config.accept_proxy_protocol && isTrusted) {
    const header = await readProxyHeader(client, config.read_timeout_ms)
    destination = header.destination
    if (header.isTls) proto = "https"
    source = detachIp(header.source ?? source)
    // Without a source (LOCAL, UNKNOWN, AF_UNIX) somebody whom we don't know may have written the request.
    isTrusted = header.source !== undefined && trusted.has(source.ip)
    report(summary, source)
  }
  if (!isTrusted) admit(source.ip)

  const timeoutMs = Math.max(1, deadlineMs - performance.now())
  const limits = { maxBytes: config.max_head_bytes, timeoutMs }
  const bytes = await readHead(client, "request", limits, REQUEST_FAULTS)
  const head = parseHead(bytes, parseRequestHead, REQUEST_FAULTS)
  const path = loggedPath(head.target)
  if (path !== undefined) summary.path = path
  let reported: Report | undefined
  let visitor = source
  if (isTrusted) {
    // Before the request is checked, so that clients with invalid requests are limited and logged, too.
    reported = readReport(head.fields, trusted)
    visitor = detachIp(reported.hops[0] ?? source)
    report(summary, visitor)
    admit(visitor.ip)
  }
  return { request: toUpgradeRequest(head), source, destination, proto, report: reported, visitor }
}

/** The limits and the summary keep the address for longer than the head that it was cut from. */
function detachIp({ ip, port }: ClientAddress): ClientAddress {
  return { ip: detach(ip), port }
}

/** The other end of the client's connection. */
export function sourceOf({ socket }: Connection): ClientAddress {
  return toClientAddress(socket.remoteAddress, socket.remotePort)
}

/** Puts down who the client really is, and the proxy that says so. */
function report(summary: SessionSummary, visitor: ClientAddress): void {
  const client = formatClientAddress(visitor)
  if (client === summary.client) return
  summary.via ??= summary.client
  summary.client = client
}
