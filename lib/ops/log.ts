/** The log: what rws writes to a logger, and what kind of logger it takes. */
import { type Address, formatAddress } from "../address/address.js"
import { CLOSE_REASONS, type SessionEnd } from "../close-reason.js"
import type { LogLevel } from "../config/schema.js"
import { type DescriptorShortage, describeShortage } from "../limits/descriptors.js"
import type { HealthChange } from "../pool/health.js"
import type { ProbeFault } from "../pool/probe.js"
import type { Observer } from "./observer.js"
import type { EndedSession } from "./session-summary.js"

/** The part of a pino logger that is used: each method takes fields and a message, and must not throw. */
export type Log = Readonly<
  Record<"error" | "warn" | "info" | "debug", (fields: object, message: string) => void>
> & {
  /** The lowest level that is written. A reload may change it. */
  level?: string
}

/** Discards everything. */
export const SILENT: Log = { error() {}, warn() {}, info() {}, debug() {} }

/** Changes the lowest level that is written. Returns false if the log has none. */
export function setLevel(log: Log, level: LogLevel): boolean {
  if (log.level === undefined) return false
  log.level = level
  return true
}

/** Writes the log of a proxy: one line per session, at its end, and what operators must know in between. */
export class LogObserver implements Partial<Observer> {
  constructor(private readonly log: Log) {}

  listening(listener: string, address: Address, backends: readonly string[] | undefined): void {
    this.log.info({ listener, bind: formatAddress(address), backends }, "listening")
  }

  reloaded(changes: readonly string[]): void {
    this.log.info({}, `reloaded: ${changes.length === 0 ? "nothing has changed" : changes.join("; ")}`)
  }

  descriptorsShort(shortage: DescriptorShortage): void {
    const { openFiles, needed } = shortage
    this.log.warn({ open_files: openFiles, needed, detail: describeShortage(shortage) }, "too few open files")
  }

  stopped(listener: string, cut: number): void {
    this.log.info({ listener, cut }, "stopped")
  }

  acceptFailed(listener: string, error: Error): void {
    this.log.error({ listener, error: error.message }, "a client could not be accepted")
  }

  sessionEnded(session: Readonly<EndedSession>, end: SessionEnd): void {
    const { status, level } = CLOSE_REASONS[end.reason]
    const isBug = level === "error"
    const fields = {
      listener: session.listener,
      client: session.client,
      via: session.via,
      backend: session.backend,
      path: session.path,
      status: session.status,
      reason: end.reason,
      ended_by: session.who,
      detail: end.message,
      error: isBug ? undefined : textOf(end.cause),
      err: isBug ? end.cause : undefined,
      bytes_from_client: session.bytesFromClient,
      bytes_from_backend: session.bytesFromBackend,
      dial_ms: session.dialMs,
      handshake_ms: session.handshakeMs,
      tunnel_ms: session.tunnelMs,
      worker: session.worker,
    }
    this.log[level](fields, status === undefined ? "session ended" : "session refused")
  }

  dialFailed(listener: string, backend: string, { reason, cause }: SessionEnd): void {
    this.log.warn({ listener, backend, reason, error: textOf(cause) }, "backend could not be dialled")
  }

  healthChanged(pool: string, { backend, isUp, reason, forMs }: HealthChange): void {
    if (isUp) this.log.info({ pool, backend, detail: reason }, "backend is up")
    else this.log.warn({ pool, backend, detail: reason, for_ms: forMs }, "backend is down")
  }

  checkImpossible(pool: string, backend: string, { reason, text }: ProbeFault): void {
    this.log.warn({ pool, backend, reason, error: text }, "backend could not be checked")
  }

  workerEnded(worker: number, err: Error, sessions: number): void {
    this.log.error({ worker, sessions, err }, "worker thread ended")
  }

  workerReplaced(worker: number): void {
    this.log.info({ worker }, "worker thread replaced")
  }

  servedByOneWorker(listener: string): void {
    this.log.info({ listener, worker: 0 }, "served by one worker thread only: it is a Unix socket")
  }

  checkThrew(pool: string, backend: string, err: unknown): void {
    this.log.error({ pool, backend, reason: "internal_error", err }, "backend could not be checked")
  }
}

/** The system's message, without a stack trace. A name with several addresses fails once for each. */
function textOf(cause: unknown): string | undefined {
  if (cause instanceof AggregateError) return cause.errors.map(textOf).join("; ")
  return cause instanceof Error ? cause.message : undefined
}
