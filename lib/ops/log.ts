/** What rws says of its work, and to what kind of logger. */
import { CLOSE_REASONS, type CloseReason, type SessionEnd } from "../close-reason.js"
import type { HealthChange } from "../pool/health.js"
import type { SessionSummary } from "./session-summary.js"

/** The part of a pino logger that is used: each method takes fields and a message, and must not throw. */
export type Log = Readonly<
  Record<"error" | "warn" | "info" | "debug", (fields: object, message: string) => void>
>

/** Says nothing. */
export const SILENT: Log = { error() {}, warn() {}, info() {}, debug() {} }

/** Writes the one line that a session gets, at its end. */
export function logSession(log: Log, session: Readonly<SessionSummary>, end: SessionEnd): void {
  const { who, status, level } = CLOSE_REASONS[end.reason]
  const fields = {
    listener: session.listener,
    client: session.client,
    via: session.via,
    backend: session.backend,
    path: session.path,
    status: session.status,
    reason: end.reason,
    ended_by: who,
    detail: end.message,
    error: end.reason === "internal_error" ? undefined : textOf(end.cause),
    err: end.reason === "internal_error" ? end.cause : undefined,
    bytes_from_client: session.bytesFromClient,
    bytes_from_backend: session.bytesFromBackend,
    dial_ms: session.dialMs,
    handshake_ms: session.handshakeMs,
    tunnel_ms: session.tunnelMs,
  }
  log[level](fields, status === undefined ? "session ended" : "session refused")
}

/** A backend could not be dialled, and the session goes on to another. */
export function logDialFailure(
  log: Log,
  listener: string,
  backend: string,
  { reason, cause }: SessionEnd,
): void {
  log.warn({ listener, backend, reason, error: textOf(cause) }, "backend could not be dialled")
}

/** A backend has gone down or come up. */
export function logHealthChange(
  log: Log,
  pool: string,
  { backend, isUp, reason, forMs }: HealthChange,
): void {
  if (isUp) log.info({ pool, backend, detail: reason }, "backend is up")
  else log.warn({ pool, backend, detail: reason, for_ms: forMs }, "backend is down")
}

/** A health check failed because of this machine or a name server, and says nothing about the backend. */
export function logUncheckable(
  log: Log,
  pool: string,
  backend: string,
  reason: CloseReason,
  error: string,
): void {
  log.warn({ pool, backend, reason, error }, "backend could not be checked")
}

/** A health check threw. That is a defect of rws, and says nothing about the backend. */
export function logCheckDefect(log: Log, pool: string, backend: string, err: unknown): void {
  log.error({ pool, backend, reason: "internal_error", err }, "backend could not be checked")
}

/** What the system said, without a stack trace. A name with several addresses fails once for each. */
function textOf(cause: unknown): string | undefined {
  if (cause instanceof AggregateError) return cause.errors.map(textOf).join("; ")
  return cause instanceof Error ? cause.message : undefined
}
