/** Reads one head from a peer: the only stage that waits for bytes it can't yet name. */
import { type CloseReason, SessionEnd, toSessionEnd } from "../close-reason.js"
import { HeadSyntaxError } from "../http/head.js"
import { type HeadKind, HeadScanner } from "../http/head-scanner.js"
import type { Connection, Handler } from "./connection.js"

export interface HeadLimits {
  /** With the blank line. */
  readonly maxBytes: number
  /** From now until the head is complete; bytes that trickle in don't extend it. */
  readonly timeoutMs: number
}

/** What it means for the session when a head does not come: another thing for each of the two peers. */
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
 * Resolves to the head's bytes, its blank line included, and leaves what follows it with the peer. Rejects with a
 * `SessionEnd` of one of the `faults`, or with the one that the peer's socket was destroyed with.
 */
export function readHead(
  peer: Connection,
  kind: HeadKind,
  limits: HeadLimits,
  faults: HeadFaults,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    peer.attach(new HeadReader(peer, kind, limits, faults, resolve, reject))
  })
}

/** Parses what `readHead` has read. Throws a `SessionEnd` when the parser does not accept it. */
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
  readonly #deadline: NodeJS.Timeout
  #bytes: Buffer = Buffer.alloc(0)

  constructor(
    private readonly peer: Connection,
    private readonly kind: HeadKind,
    private readonly limits: HeadLimits,
    private readonly faults: HeadFaults,
    private readonly resolve: (head: Buffer) => void,
    private readonly reject: (error: SessionEnd) => void,
  ) {
    this.#scanner = new HeadScanner(kind)
    this.#deadline = setTimeout(() => this.#fail(faults.timeout), limits.timeoutMs)
  }

  onBytes(bytes: Buffer): void {
    this.#bytes = this.#bytes.length > 0 || this.peer.lends ? Buffer.concat([this.#bytes, bytes]) : bytes
    const end = this.#scanner.scan(this.#bytes.subarray(0, this.limits.maxBytes))
    if (end >= 0) {
      clearTimeout(this.#deadline)
      this.peer.detach(this.#bytes.subarray(end))
      this.resolve(this.#bytes.subarray(0, end))
    } else if (this.#scanner.fault !== "") {
      this.#fail(this.faults.malformed, this.#scanner.fault)
    } else if (this.#bytes.length >= this.limits.maxBytes) {
      // Of an answer the limit is what earlier interim heads have left of it, which would tell nobody anything.
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
    clearTimeout(this.#deadline)
    this.reject(toSessionEnd(error, this.faults.aborted))
  }

  #fail(reason: CloseReason, detail?: string): void {
    clearTimeout(this.#deadline)
    this.peer.detach()
    this.reject(new SessionEnd(reason, detail))
  }
}
