/** One health check of one backend, over the same sockets and by the same rules as a session. */
import { randomBytes } from "node:crypto"
import type { BackendAddress } from "../address/backend-address.js"
import { type CloseReason, SessionEnd } from "../close-reason.js"
import type { Connection } from "../net/connection.js"
import { Dial, type TlsOptions } from "../net/dial.js"
import { exchange } from "../net/exchange.js"
import { isUnknownName } from "../net/resolve.js"
import { checkUpgradeResponse } from "../upgrade/upgrade-response.js"

export interface ProbeSettings {
  /**
   * What is asked of the backend: "tcp" that it can be dialled, with TLS where it speaks it; "http" a good
   * answer to a GET; "ws" a good answer to an upgrade.
   */
  readonly type: "tcp" | "http" | "ws"
  /** Of "http" and "ws". What leads to the backend's base path is put before it. */
  readonly path: string
  /** The Host field; the backend's own name where it is "". */
  readonly host: string
  /** Of "http": the statuses that are good; any 2xx where there are none. */
  readonly expect_status: readonly number[]
}

export interface ProbeTarget {
  readonly backend: BackendAddress
  readonly check: ProbeSettings
  readonly tls?: TlsOptions | undefined
  /** A PROXY header for a backend that waits for one. */
  readonly proxyHeader?: Buffer | undefined
}

export interface ProbeFault {
  /** In words, for a log. */
  readonly text: string
  /** The code that a session would have ended with. */
  readonly reason: CloseReason
  /** Whether it is this machine's or a name server's, so that it says nothing about the backend. */
  readonly isLocal: boolean
}

/** Read and thrown away behind an answer, so that a backend can close as it likes to. */
const MAX_REST_BYTES = 64 * 1024

/**
 * Resolves to the fault that was found, or to undefined: the check has passed. What passes is closed
 * politely: the backend may close first, as long as there is time. Rejects only because of a defect of rws.
 * @param signal ends the check at once; what it resolves to then means nothing
 */
export async function probe(
  target: ProbeTarget,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<ProbeFault | undefined> {
  const deadline = performance.now() + timeoutMs
  let upstream: Dial | undefined
  const abort = () => upstream?.close(new SessionEnd("drain_timeout"))
  signal?.addEventListener("abort", abort)
  try {
    const { backend, check, tls, proxyHeader } = target
    if (signal?.aborted) throw new SessionEnd("drain_timeout")
    upstream = new Dial(backend.address, { connectTimeoutMs: timeoutMs, tls, proxyHeader })
    const peer = await upstream.connected
    if (signal?.aborted) throw new SessionEnd("drain_timeout")
    if (check.type === "tcp") {
      if (tls !== undefined) {
        // Tickets are still on their way (RFC 8446 §4.6.1): closing before they are read would reset the
        // backend.
        peer.end()
        await untilEnded(peer, deadline)
      }
      return undefined
    }
    const key = randomBytes(16).toString("base64")
    const { head } = await exchange(peer, requestHead(target, key), msUntil(deadline))
    if (!isExpected(head.status, check)) {
      return { text: `status ${head.status}`, reason: "refused_by_backend", isLocal: false }
    }
    if (check.type === "ws") {
      checkUpgradeResponse(head, key)
      peer.socket.write(closeFrame())
    }
    await untilEnded(peer, deadline)
    return undefined
  } catch (error) {
    if (!(error instanceof SessionEnd)) throw error
    return { text: describe(error, timeoutMs), reason: error.reason, isLocal: isLocal(error) }
  } finally {
    signal?.removeEventListener("abort", abort)
    upstream?.close(new SessionEnd("backend_fin"))
  }
}

/** That a name does not exist is the backend's fault; that nobody could be asked is not. */
function isLocal({ reason, cause }: SessionEnd): boolean {
  if (reason === "resolve_failed") return !isUnknownName(cause)
  return reason === "local_exhaustion" || reason === "resolve_timeout"
}

function requestHead({ backend, check }: ProbeTarget, key: string): string {
  const lines = [`GET ${backend.basePath}${check.path} HTTP/1.1`, `Host: ${check.host || backend.authority}`]
  if (check.type === "http") lines.push("Connection: close")
  else {
    lines.push("Connection: Upgrade", "Upgrade: websocket")
    lines.push(`Sec-WebSocket-Key: ${key}`, "Sec-WebSocket-Version: 13")
  }
  return `${lines.join("\r\n")}\r\n\r\n`
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
 * A server closes first: over HTTP behind its answer, over WebSocket behind its own Close frame (RFC 6455
 * §7.1.1).
 */
function untilEnded(peer: Connection, deadline: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, msUntil(deadline))
    const done = () => {
      clearTimeout(timer)
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

function msUntil(deadline: number): number {
  return Math.max(1, deadline - performance.now())
}

const FAULTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset",
  ENOTFOUND: "the host name is unknown",
  EAI_AGAIN: "no name server answered",
  ENOENT: "there is no such socket",
}

function describe(end: SessionEnd, timeoutMs: number): string {
  if (end.reason === "connect_timeout" || end.reason === "handshake_timeout") {
    return `no answer in ${timeoutMs} ms`
  }
  if (end.reason === "resolve_timeout") return `the name was not resolved in ${timeoutMs} ms`
  return end.cause === undefined ? end.message : describeCause(end.cause)
}

/** Of several addresses of a name each may have failed in its own way. */
function describeCause(cause: unknown): string {
  if (cause instanceof AggregateError) return [...new Set(cause.errors.map(describeCause))].join(", ")
  // Errors of OpenSSL have a whole record for a message, and say it in words in `reason`.
  const { code = "", reason, message } = cause as NodeJS.ErrnoException & { reason?: string }
  return FAULTS[code] ?? reason ?? message
}
