/** The log: the lines that rws writes, and the interface of the logger that it writes them to. */
import { type Address, formatAddress } from "../address/address.js"
import { CLOSE_REASONS, type SessionEnd } from "../close-reason.js"
import { LOG_LEVELS, type LogLevel, type LogSettings, logSchema } from "../config/schema.js"
import { REDACTED } from "../http/redaction.js"
import { type DescriptorShortage, describeShortage } from "../limits/descriptors.js"
import type { HealthChange } from "../pool/health.js"
import type { ProbeFault } from "../pool/probe.js"
import type { LogDetail } from "./log-detail.js"
import type { Observer } from "./observer.js"
import { shownField } from "./request-facts.js"
import { isSampled } from "./sample.js"
import type { SessionStep } from "./session-step.js"
import type { EndedSession, SessionSummary } from "./session-summary.js"

type Write = (fields: object, message: string) => void

/** The part of a pino logger that is used: each method takes fields and a message, and must not throw. */
export type Log = Readonly<Record<"error" | "warn" | "info" | "debug", Write>> & {
  readonly trace?: Write
  /**
   * The lowest level that is written. A reload may change it. A log without it gets none of the lines at
   * `debug` and `trace` that sessions write between their start and their end.
   */
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

/** Writes the log of a proxy: one line per session, at its end, and events that operators must know about. */
export class LogObserver implements Partial<Observer> {
  #settings: LogSettings = logSchema.parse({})
  #detail: LogDetail | undefined
  #level: string | undefined
  /** Lines below it are not even composed. */
  #lowest = 0

  constructor(private readonly log: Log) {
    if (log === SILENT) this.#lowest = LOG_LEVELS.indexOf("silent")
    this.#followLevel()
  }

  logSettings(settings: LogSettings, detail: LogDetail): void {
    this.#settings = settings
    this.#detail = detail
    this.#followLevel()
    detail.follow(this.#level)
  }

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

  sessionStep(session: Readonly<SessionSummary>, { level, text, address, head, hidden }: SessionStep): void {
    const { redact } = this.#settings
    const lines = head && redact.head(head, shownField, hidden)
    const fields = {
      listener: session.listener,
      client: session.client,
      request_id: session.requestId,
      path: session.path,
      route: session.route,
      pool: session.pool,
      endpoint: session.endpoint,
      backend: session.backend,
      address,
      status: session.status,
      dial_ms: session.dialMs,
      handshake_ms: session.handshakeMs,
      worker: session.worker,
      head: lines,
    }
    this.log[level]?.(fields, text)
  }

  tunnelOpened(session: Readonly<SessionSummary>): void {
    this.#followLevel()
    const { open, sample } = this.#settings
    if (!open) {
      if (this.#detail?.isDebug) this.log.debug(this.#fieldsOf(session, 1), "session opened")
    } else if (this.#shows("info") && isSampled(session, sample)) {
      this.log.info(this.#fieldsOf(session, sample), "session opened")
    }
  }

  sessionEnded(session: Readonly<EndedSession>, end: SessionEnd): void {
    this.#followLevel()
    const { level } = CLOSE_REASONS[end.reason]
    const sample = level === "error" || level === "warn" ? 1 : this.#settings.sample
    if (!this.#shows(level) || !isSampled(session, sample)) return
    const message = end.status === undefined ? "session ended" : "session refused"
    this.log[level](this.#fieldsOf(session, sample, session, end), message)
  }

  dialFailed(listener: string, backend: string, { reason, cause }: SessionEnd): void {
    this.log.warn({ listener, backend, reason, error: textOf(cause) }, "backend could not be dialled")
  }

  healthChanged(pool: string, { backend, isUp, reason, forMs }: HealthChange): void {
    if (isUp) this.log.info({ pool, backend, detail: reason }, "backend is up")
    else this.log.warn({ pool, backend, detail: reason, for_ms: forMs }, "backend is down")
  }

  serviceFailed(service: string, what: string, error: unknown): void {
    this.log.warn({ service, error: textOf(error) }, what)
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

  /**
   * The known fields of a session. One literal with all fields: loggers leave out those that are undefined,
   * and it costs half as much as merging several objects.
   * @param sample how many sessions the line stands for
   * @param ended the session again if it has ended
   */
  #fieldsOf(
    session: Readonly<SessionSummary>,
    sample: number,
    ended?: Readonly<EndedSession>,
    end?: SessionEnd,
  ) {
    const { redact } = this.#settings
    const isBug = end !== undefined && CLOSE_REASONS[end.reason].level === "error"
    const shown = (name: string, value: string | undefined) =>
      value !== undefined && redact.hidesField(name) ? REDACTED : value
    return {
      listener: session.listener,
      client: session.client,
      via: session.via,
      host: shown("host", session.host),
      path: session.path,
      route: session.route,
      pool: session.pool,
      endpoint: session.endpoint,
      backend: session.backend,
      origin: shown("origin", session.origin),
      user_agent: shown("user-agent", session.userAgent),
      subprotocol: shown("sec-websocket-protocol", session.subprotocol),
      request_id: session.requestId,
      traceparent: session.traceparent,
      status: session.status,
      reason: end?.reason,
      ended_by: ended?.who,
      detail: end?.message,
      error: isBug ? undefined : textOf(end?.cause),
      err: isBug ? end?.cause : undefined,
      bytes_from_client: ended?.bytesFromClient,
      bytes_from_backend: ended?.bytesFromBackend,
      head_ms: session.headMs,
      dial_ms: session.dialMs,
      handshake_ms: session.handshakeMs,
      tunnel_ms: ended?.tunnelMs,
      worker: session.worker,
      sample: sample === 1 ? undefined : sample,
    }
  }

  #shows(level: LogLevel): boolean {
    return LOG_LEVELS.indexOf(level) >= this.#lowest
  }

  /** The log's owner may change its level at any time. */
  #followLevel(): void {
    const { level } = this.log
    if (level === this.#level) return
    this.#level = level
    // A logger with custom levels filters by itself.
    this.#lowest = (LOG_LEVELS as readonly (string | undefined)[]).indexOf(level)
    this.#detail?.follow(level)
  }
}

/** The system's message, without a stack trace. A name with several addresses fails once for each. */
function textOf(cause: unknown): string | undefined {
  if (cause instanceof AggregateError) return cause.errors.map(textOf).join("; ")
  return cause instanceof Error ? cause.message : undefined
}
