/** Calls of an observer as plain data: a worker thread records them, and the main thread repeats them. */
import { SessionEnd } from "../close-reason.js"
import type { HealthChange } from "../pool/health.js"
import type { ProbeFault } from "../pool/probe.js"
import type { Observer } from "./observer.js"
import type { SessionStep } from "./session-step.js"
import type { EndedSession, SessionSummary } from "./session-summary.js"

/** A batch. Each call is the name of a method and its arguments, which can be posted to another thread. */
export type ObserverCalls = readonly (readonly [keyof Observer, ...unknown[]])[]

/** Posts what it is told once per turn of the event loop. */
export class CallRecorder implements Observer {
  #calls: [keyof Observer, ...unknown[]][] = []
  readonly #flush = () => this.flush()

  /** @param worker the number of this worker thread, for sessions */
  constructor(
    private readonly worker: number,
    private readonly post: (calls: ObserverCalls) => void,
  ) {}

  /** Posts what has been recorded so far. */
  flush(): void {
    if (this.#calls.length === 0) return
    const calls = this.#calls
    this.#calls = []
    this.post(calls)
  }

  /** Reported by the main thread itself, once for all workers. */
  listening(): void {}
  draining(): void {}
  stopped(): void {}
  logSettings(): void {}
  reloaded(): void {}
  reloadRefused(): void {}
  descriptorsShort(): void {}
  workerEnded(): void {}
  workerReplaced(): void {}
  servedByOneWorker(): void {}

  acceptFailed(listener: string, error: Error): void {
    this.#record("acceptFailed", listener, encode(error))
  }

  sessionStep(session: Readonly<SessionSummary>, step: SessionStep): void {
    this.#record("sessionStep", { ...session, worker: this.worker }, step)
  }

  /** A copy, because the session goes on to change its summary. */
  tunnelOpened(session: Readonly<SessionSummary>): void {
    this.#record("tunnelOpened", { ...session, worker: this.worker })
  }

  sessionEnded(session: Readonly<EndedSession>, end: SessionEnd): void {
    this.#record("sessionEnded", { ...session, worker: this.worker }, encode(end))
  }

  dialFailed(listener: string, backend: string, end: SessionEnd): void {
    this.#record("dialFailed", listener, backend, encode(end))
  }

  healthChanged(pool: string, change: HealthChange): void {
    this.#record("healthChanged", pool, change)
  }

  checkImpossible(pool: string, backend: string, fault: ProbeFault): void {
    this.#record("checkImpossible", pool, backend, fault)
  }

  checkThrew(pool: string, backend: string, error: unknown): void {
    this.#record("checkThrew", pool, backend, encode(error))
  }

  serviceFailed(service: string, what: string, error: unknown): void {
    this.#record("serviceFailed", service, what, encode(error))
  }

  #record(...call: [keyof Observer, ...unknown[]]): void {
    if (this.#calls.length === 0) setImmediate(this.#flush)
    this.#calls.push(call)
  }
}

/** Repeats what a worker thread has recorded. */
export function repeatCalls(calls: ObserverCalls, observer: Observer): void {
  for (const [method, ...args] of calls) {
    const repeat = observer[method] as (...args: unknown[]) => void
    repeat.apply(observer, args.map(decode))
  }
}

/** An error without its class, which would not survive the way to another thread. */
type EncodedError =
  | { readonly encoded: "end"; readonly fields: Pick<SessionEnd, "reason" | "detail" | "cause" | "response"> }
  | { readonly encoded: "error"; readonly fields: ErrorFields }

interface ErrorFields {
  readonly name: string
  readonly message: string
  readonly stack: string | undefined
  readonly code: string | undefined
  readonly cause: unknown
  readonly errors: readonly unknown[] | undefined
}

const NO_BODY = Buffer.alloc(0)

/** Turns an error into plain data. Keeps its code, its cause and the errors that it consists of. */
export function encode(error: unknown): unknown {
  if (error instanceof SessionEnd) {
    const { reason, detail, cause, response } = error
    // Of a response only the status is told.
    const told = response && { status: response.status, fieldLines: "", body: NO_BODY }
    return encoded({ encoded: "end", fields: { reason, detail, cause: encode(cause), response: told } })
  }
  if (!(error instanceof Error)) return error === undefined ? undefined : String(error)
  const { name, message, stack, cause } = error
  const { code } = error as NodeJS.ErrnoException
  const errors = error instanceof AggregateError ? error.errors.map(encode) : undefined
  const fields = { name, message, stack, code, cause: encode(cause), errors }
  return encoded({ encoded: "error", fields })
}

function encoded(error: EncodedError): EncodedError {
  return error
}

/** The error, of the nearest class that another thread has; any other value as it is. */
export function decode(value: unknown): unknown {
  if (!isEncoded(value)) return value
  if (value.encoded === "end") {
    const { reason, detail, cause, response } = value.fields
    return new SessionEnd(reason, detail, decode(cause), response)
  }
  const { name, message, stack, code, cause, errors } = value.fields
  const options = cause === undefined ? {} : { cause: decode(cause) }
  const error =
    errors === undefined
      ? new Error(message, options)
      : new AggregateError(errors.map(decode), message, options)
  // Not enumerable, as in the original, so that the log does not repeat it.
  Object.defineProperty(error, "name", { value: name, configurable: true, writable: true })
  return Object.assign(error, stack === undefined ? {} : { stack }, code === undefined ? {} : { code })
}

function isEncoded(value: unknown): value is EncodedError {
  return typeof value === "object" && value !== null && "encoded" in value && "fields" in value
}
