/** One health check of one backend. It dials, and reads the response, in the same way as a session. */
import { randomBytes } from "node:crypto"
import type { BackendAddress } from "../address/backend-address.js"
import { type CloseReason, SessionEnd } from "../close-reason.js"
import { FieldEdit, writeHead } from "../http/field-writer.js"
import type { Connection } from "../net/connection.js"
import type { TlsOptions } from "../net/dial.js"
import { dial } from "../net/dial-from.js"
import { exchange } from "../net/exchange.js"
import type { LocalAddresses } from "../net/local-addresses.js"
import { isUnknownName } from "../net/resolve.js"
import type { Clock } from "../shared/clock.js"
import { checkUpgradeResponse } from "../upgrade/upgrade-response.js"

export interface ProbeSettings {
  /**
   * What passes: "tcp" a connect, including the TLS handshake of a TLS backend; "http" an expected status in
   * response to a GET; "ws" a valid 101 in response to an upgrade.
   */
  readonly type: "tcp" | "http" | "ws"
  /** For "http" and "ws", appended to the backend's base path. */
  readonly path: string
  /** The Host field; "" = the backend's authority. */
  readonly host: string
  /** For "http": the statuses that pass; empty = any 2xx. */
  readonly expect_status: readonly number[]
}

export interface ProbeTarget {
  readonly backend: BackendAddress
  readonly check: ProbeSettings
  readonly tls?: TlsOptions | undefined
  /** A PROXY header, for a backend that expects one. */
  readonly proxyHeader?: Buffer | undefined
  /** Where to dial from. Absent: the system chooses. */
  readonly from?: LocalAddresses | undefined
}

export interface ProbeFault {
  /** In words, for a log. */
  readonly text: string
  /** The close reason of a session that fails in the same way. */
  readonly reason: CloseReason
  /** The fault lies with this machine or a name server, so it does not count against the backend. */
  readonly isLocal: boolean
}

/** Read and discarded after the response, so that the backend may close in its own way. */
const MAX_REST_BYTES = 64 * 1024

/**
 * Resolves to the fault that was found, or to undefined if the check has passed. After a passed check the
 * backend may close first, while there is time. Rejects only if rws has a defect.
 * @param timeoutMs for the whole check
 * @param signal ends the check at once; its result is then meaningless
 */
export async function probe(
  target: ProbeTarget,
  timeoutMs: number,
  clock: Clock,
  signal?: AbortSignal,
): Promise<ProbeFault | undefined> {
  const { backend, check, tls, proxyHeader, from } = target
  const deadlineMs = clock.nowMs() + timeoutMs
  const upstream = dial(backend.address, from, { connectTimeoutMs: timeoutMs, tls, proxyHeader }, clock)
  signal?.addEventListener("abort", () => upstream.close(new SessionEnd("drain_timeout")))
  try {
    const peer = await upstream.connected
    if (check.type === "tcp") {
      if (tls === undefined) return undefined
      // TLS tickets may still be on their way (RFC 8446 §4.6.1): closing before they are read would reset
      // the backend.
      peer.end()
      await untilEnded(peer, deadlineMs, clock)
      return undefined
    }
    const key = randomBytes(16).toString("base64")
    const head = await exchange(peer, requestHead(target, key), msUntil(deadlineMs, clock), clock)
    if (!isExpected(head.status, check)) {
      return { text: `status ${head.status}`, reason: "refused_by_backend", isLocal: false }
    }
    if (check.type === "ws") {
      checkUpgradeResponse(head, key)
      peer.socket.write(closeFrame())
    }
    await untilEnded(peer, deadlineMs, clock)
    return undefined
  } catch (error) {
    if (!(error instanceof SessionEnd)) throw error
    return { text: describe(error, timeoutMs), reason: error.reason, isLocal: isLocal(error) }
  } finally {
    upstream.close(new SessionEnd("backend_fin"))
  }
}

/** A name that does not exist is the backend's fault; a name server that can't be reached is not. */
function isLocal({ reason, cause }: SessionEnd): boolean {
  if (reason === "resolve_failed") return !isUnknownName(cause)
  return reason === "local_exhaustion" || reason === "resolve_timeout"
}

/** For "ws" an upgrade request (RFC 6455 §4.1). */
function requestHead({ backend, check }: ProbeTarget, key: string): string {
  const fields =
    check.type === "http"
      ? { Connection: "close" }
      : {
          Connection: "Upgrade",
          Upgrade: "websocket",
          "Sec-WebSocket-Key": key,
          "Sec-WebSocket-Version": "13",
        }
  const all = Object.entries({ Host: check.host || backend.authority, ...fields })
  const edits = all.map(([name, value]) => FieldEdit.set(name, value))
  return writeHead(`GET ${backend.basePath}${check.path} HTTP/1.1`, [], edits)
}

function isExpected(status: number, { type, expect_status }: ProbeSettings): boolean {
  if (type === "ws") return status === 101
  return expect_status.length > 0 ? expect_status.includes(status) : status >= 200 && status < 300
}

/** A masked Close frame with status 1000 (RFC 6455 §5.2, §5.5.1, §7.4.1). */
function closeFrame(): Buffer {
  const mask = randomBytes(4)
  const status = Buffer.from([0x03 ^ mask.readUInt8(0), 0xe8 ^ mask.readUInt8(1)])
  return Buffer.concat([Buffer.from([0x88, 0x80 | status.length]), mask, status])
}

/**
 * The backend closes first: over HTTP after its response, over WebSocket after its own Close frame (RFC 6455
 * §7.1.1).
 */
function untilEnded(peer: Connection, deadlineMs: number, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.after(msUntil(deadlineMs, clock), resolve)
    const done = () => {
      timer.cancel()
      resolve()
    }
    peer.attach({
      onBytes() {
        if (peer.stageBytes > MAX_REST_BYTES) done()
      },
      onEnd: done,
      onDrain() {},
      onClose: done,
    })
  })
}

function msUntil(deadlineMs: number, clock: Clock): number {
  return Math.max(1, deadlineMs - clock.nowMs())
}

const FAULTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset",
  ENOTFOUND: "the host name is unknown",
  EAI_AGAIN: "no name server responded",
  ENOENT: "there is no such socket",
}

function describe(end: SessionEnd, timeoutMs: number): string {
  if (end.reason === "connect_timeout" || end.reason === "handshake_timeout") {
    return `no response in ${timeoutMs} ms`
  }
  if (end.reason === "resolve_timeout") return `the name was not resolved in ${timeoutMs} ms`
  return end.cause === undefined ? end.message : describeCause(end.cause)
}

/** The addresses of a name may fail for different reasons. */
function describeCause(cause: unknown): string {
  if (cause instanceof AggregateError) return [...new Set(cause.errors.map(describeCause))].join(", ")
  // The message of an OpenSSL error is a whole error record; `reason` holds its readable part.
  const { code = "", reason, message } = cause as NodeJS.ErrnoException & { reason?: string }
  return FAULTS[code] ?? reason ?? message
}
