/** Reads one request or response head from a connection. */
import { type CloseReason, SessionEnd, toSessionEnd } from "../close-reason.js"
import { HeadSyntaxError } from "../http/head.js"
import { type HeadKind, HeadScanner } from "../http/head-scanner.js"
import { type Clock, systemClock, type Timer } from "../shared/clock.js"
import type { Connection, Handler } from "./connection.js"

export interface HeadLimits {
  /** Including the blank line. */
  readonly maxBytes: number
  /** From now until the head is complete; bytes that trickle in don't extend it. */
  readonly timeoutMs: number
}

/**
 * The close reasons for a head that does not arrive or is not valid. They differ between client and backend.
 */
export interface HeadFaults {
  readonly aborted: CloseReason
  readonly timeout: CloseReason
  readonly tooLarge: CloseReason
  readonly malformed: CloseReason
}

export const REQUEST_FAULTS: HeadFaults = {
  aborted: "client_aborted_in_head",
  timeout: "head_timeout",
  tooLarge: "head_too_large",
  malformed: "bad_request",
}

export const RESPONSE_FAULTS: HeadFaults = {
  aborted: "no_response",
  timeout: "handshake_timeout",
  tooLarge: "response_too_large",
  malformed: "bad_response",
}

/**
 * Resolves to the head's bytes, including its blank line, and leaves what follows it with the connection.
 * Rejects with a `SessionEnd`: one of `faults`, or the one that the socket was destroyed with.
 */
export function readHead(
  connection: Connection,
  kind: HeadKind,
  limits: HeadLimits,
  faults: HeadFaults,
  clock: Clock = systemClock,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    connection.attach(new HeadReader(connection, kind, limits, faults, clock, resolve, reject))
  })
}

/** Parses what `readHead` has read. Throws a `SessionEnd` if it is malformed. */
export function parseHead<Head>(
  bytes: Buffer,
  parse: (bytes: Buffer) => Head,
  { malformed }: HeadFaults,
): Head {
  try {
    return parse(bytes)
  } catch (error) {
    if (error instanceof HeadSyntaxError) throw new SessionEnd(malformed, error.message)
    throw error
  }
}

class HeadReader implements Handler {
  readonly #scanner: HeadScanner
  readonly #deadline: Timer
  #bytes: Buffer = Buffer.alloc(0)

  constructor(
    private readonly connection: Connection,
    private readonly kind: HeadKind,
    private readonly limits: HeadLimits,
    private readonly faults: HeadFaults,
    clock: Clock,
    private readonly resolve: (head: Buffer) => void,
    private readonly reject: (error: SessionEnd) => void,
  ) {
    this.#scanner = new HeadScanner(kind)
    this.#deadline = clock.after(limits.timeoutMs, () => this.#fail(faults.timeout))
  }

  onBytes(bytes: Buffer): void {
    const mustCopy = this.#bytes.length > 0 || this.connection.lends
    this.#bytes = mustCopy ? Buffer.concat([this.#bytes, bytes]) : bytes
    const end = this.#scanner.scan(this.#bytes.subarray(0, this.limits.maxBytes))
    if (end >= 0) {
      this.#deadline.cancel()
      this.connection.detach(this.#bytes.subarray(end))
      this.resolve(this.#bytes.subarray(0, end))
    } else if (this.#scanner.fault !== "") {
      this.#fail(this.faults.malformed, this.#scanner.fault)
    } else if (this.#bytes.length >= this.limits.maxBytes) {
      // For a response the limit is what interim heads have left of 16 KiB, so naming it would only confuse.
      this.#fail(
        this.faults.tooLarge,
        this.kind === "request" ? `more than ${this.limits.maxBytes} bytes` : "",
      )
    }
  }

  onEnd(): void {
    this.#fail(this.faults.aborted)
  }

  onDrain(): void {}

  onClose(error?: Error): void {
    this.#deadline.cancel()
    this.reject(toSessionEnd(error, this.faults.aborted))
  }

  #fail(reason: CloseReason, detail?: string): void {
    this.#deadline.cancel()
    this.connection.detach()
    this.reject(new SessionEnd(reason, detail))
  }
}
