/** The log: pino, one JSON object per line, or coloured text when it goes to a terminal. */
import { type Logger, pino } from "pino"
import pretty from "pino-pretty"
import { CLOSE_REASONS, type SessionEnd } from "../close-reason.js"
import type { Config } from "../config/schema.js"
import type { SessionSummary } from "../session-summary.js"

export type { Logger }

/** How long a line may wait, in milliseconds, so that one write serves many. */
const FLUSH_MS = 100
const BUFFER_BYTES = 4096

/** A logger that writes to standard output. It says nothing below `level`. */
export function createLog(level: Config["log"]["level"]): Logger {
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime }
  if (process.stdout.isTTY) return pino(options, pretty({ sync: true, ignore: "pid,hostname" }))
  return pino(
    options,
    pino.destination({ dest: 1, sync: false, minLength: BUFFER_BYTES, periodicFlush: FLUSH_MS }),
  )
}

/** Writes the one line that a session gets, at its end. */
export function logSession(log: Logger, session: Readonly<SessionSummary>, end: SessionEnd): void {
  const { who, status } = CLOSE_REASONS[end.reason]
  const fields = {
    listener: session.listener,
    client: session.client,
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
  log[levelOf(end)](fields, status === undefined ? "session ended" : "session refused")
}

function levelOf({ reason }: SessionEnd): "error" | "warn" | "info" | "debug" {
  if (reason === "internal_error") return "error"
  if (reason === "client_left_in_head") return "debug"
  const { who, stage } = CLOSE_REASONS[reason]
  return who === "backend" && stage !== "tunnel" && reason !== "refused_by_backend" ? "warn" : "info"
}

/** A backend could not be dialled. The session may go on with another. */
export function logDialFailure(
  log: Logger,
  listener: string,
  backend: string,
  { reason, cause }: SessionEnd,
): void {
  log.warn({ listener, backend, reason, error: textOf(cause) }, "backend could not be dialled")
}

/** What the system said, without a stack trace. A name with several addresses fails once for each. */
function textOf(cause: unknown): string | undefined {
  if (cause instanceof AggregateError) return cause.errors.map(textOf).join("; ")
  return cause instanceof Error ? cause.message : undefined
}
