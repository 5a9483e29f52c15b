/** Reads one request or response head from a connection, and parses it. */
import { type CloseReason, SessionEnd, toSessionEnd } from "../close-reason.js"
import {
  HeadSyntaxError,
  parseRequestHead,
  parseResponseHead,
  type RequestHead,
  type ResponseHead,
} from "../http/head.js"
import { type HeadKind, HeadScanner } from "../http/head-scanner.js"
import { type Clock, systemClock, type Timer } from "../shared/clock.js"
import type { Connection, Handler } from "./connection.js"

export interface HeadLimits {
  /** Including the blank line; interim responses count, too. */
  readonly maxBytes: number
  /** From now until the head is complete; bytes that trickle in don't extend it. */
  readonly timeoutMs: number
}

/** What differs between requests and responses. */
export interface HeadType<Head> {
  readonly kind: HeadKind
  /** Throws `HeadSyntaxError`. */
  parse(bytes: Buffer): Head
  /** Whether another head follows, the one that is wanted. */
  isInterim(head: Head): boolean
  /** The close reasons for a head that does not arrive or is not valid. */
  readonly aborted: CloseReason
  readonly timeout: CloseReason
  readonly tooLarge: CloseReason
  readonly malformed: CloseReason
}

export const REQUEST: HeadType<RequestHead> = {
  kind: "request",
  parse: parseRequestHead,
  isInterim: () => false,
  aborted: "client_aborted_in_head",
  timeout: "head_timeout",
  tooLarge: "head_too_large",
  malformed: "bad_request",
}

/** Interim responses (RFC 9110 §15.2) are skipped. A 101 is final. */
export const RESPONSE: HeadType<ResponseHead> = {
  kind: "response",
  parse: parseResponseHead,
  isInterim: ({ status }) => status < 200 && status !== 101,
  aborted: "no_response",
  timeout: "handshake_timeout",
  tooLarge: "response_too_large",
  malformed: "bad_response",
}

/**
 * Resolves to the head, and leaves what follows it with the connection. Rejects with a `SessionEnd`: one of
 * the type's reasons, or the one that the socket was destroyed with.
 */
export function readHead<Head>(
  connection: Connection,
  type: HeadType<Head>,
  limits: HeadLimits,
  clock: Clock = systemClock,
): Promise<Head> {
  return new Promise((resolve, reject) => {
    connection.attach(new HeadReader(connection, type, limits, clock, resolve, reject))
  })
}

class HeadReader<Head> implements Handler {
  readonly #deadline: Timer
  #scanner: HeadScanner
  /** A copy of the part of a head that has arrived. Most heads arrive whole, and are not copied. */
  #part: Buffer | undefined
  #bytesLeft: number

  constructor(
    private readonly connection: Connection,
    private readonly type: HeadType<Head>,
    private readonly limits: HeadLimits,
    clock: Clock,
    private readonly resolve: (head: Head) => void,
    private readonly reject: (error: SessionEnd) => void,
  ) {
    this.#scanner = new HeadScanner(type.kind)
    this.#bytesLeft = limits.maxBytes
    this.#deadline = clock.after(limits.timeoutMs, () => this.#fail(type.timeout))
  }

  onBytes(bytes: Buffer): void {
    const received = this.#part === undefined ? bytes : Buffer.concat([this.#part, bytes])
    const length = this.#scanner.scan(received.subarray(0, this.#bytesLeft))
    if (length >= 0) this.#onHead(received.subarray(0, length), received.subarray(length))
    else if (this.#scanner.fault !== "") this.#fail(this.type.malformed, this.#scanner.fault)
    else if (received.length >= this.#bytesLeft) this.#onTooLarge()
    else this.#part = received === bytes && this.connection.lends ? Buffer.from(bytes) : received
  }

  onEnd(): void {
    this.#fail(this.type.aborted)
  }

  onDrain(): void {}

  onClose(error?: Error): void {
    this.#deadline.cancel()
    this.reject(toSessionEnd(error, this.type.aborted))
  }

  /** @param rest what has arrived behind it */
  #onHead(bytes: Buffer, rest: Buffer): void {
    const head = this.#parse(bytes)
    if (head === undefined) return
    if (this.type.isInterim(head)) {
      this.#part = undefined
      this.#bytesLeft -= bytes.length
      this.#scanner = new HeadScanner(this.type.kind)
      if (rest.length > 0) this.onBytes(rest)
      return
    }
    this.#deadline.cancel()
    this.connection.detach(rest.length > 0 ? Buffer.from(rest) : rest)
    this.resolve(head)
  }

  /** undefined if the head is malformed, which has then been told. */
  #parse(bytes: Buffer): Head | undefined {
    try {
      return this.type.parse(bytes)
    } catch (error) {
      if (error instanceof HeadSyntaxError) this.#fail(this.type.malformed, error.message)
      else this.#fail("internal_error", "", error)
      return undefined
    }
  }

  #onTooLarge(): void {
    const { type, limits } = this
    // All heads of a response share one limit of rws's own, which would only confuse.
    this.#fail(type.tooLarge, type.kind === "request" ? `more than ${limits.maxBytes} bytes` : "")
  }

  #fail(reason: CloseReason, detail?: string, cause?: unknown): void {
    this.#deadline.cancel()
    this.connection.detach()
    this.reject(new SessionEnd(reason, detail, cause))
  }
}
