/** Reads the header of the PROXY protocol that a trusted proxy sends ahead of its client's request. */
import { type CloseReason, SessionEnd, toSessionEnd } from "../close-reason.js"
import { type ProxyHeader, ProxyHeaderError } from "../forwarding/proxy-header.js"
import { parseProxyHeader } from "../forwarding/proxy-protocol.js"
import type { Connection, Handler } from "../net/connection.js"
import { type Clock, systemClock, type Timer } from "../shared/clock.js"

/**
 * Resolves to the header and leaves what follows it with the connection. Rejects with a `SessionEnd`:
 * `bad_proxy_header`, `head_timeout` after `timeoutMs`, `client_aborted_in_head`, or the one that the socket
 * was destroyed with.
 */
export function readProxyHeader(
  client: Connection,
  timeoutMs: number,
  clock: Clock = systemClock,
): Promise<ProxyHeader> {
  return new Promise((resolve, reject) => {
    client.attach(new ProxyHeaderReader(client, timeoutMs, clock, resolve, reject))
  })
}

class ProxyHeaderReader implements Handler {
  readonly #deadline: Timer
  #bytes: Buffer = Buffer.alloc(0)

  constructor(
    private readonly client: Connection,
    timeoutMs: number,
    clock: Clock,
    private readonly resolve: (header: ProxyHeader) => void,
    private readonly reject: (error: SessionEnd) => void,
  ) {
    this.#deadline = clock.after(timeoutMs, () => this.#fail("head_timeout"))
  }

  onBytes(bytes: Buffer): void {
    this.#bytes = this.#bytes.length > 0 || this.client.lends ? Buffer.concat([this.#bytes, bytes]) : bytes
    const header = this.#parse()
    if (header === "incomplete") return
    if (header instanceof ProxyHeaderError) {
      this.#fail("bad_proxy_header", header.message)
      return
    }
    this.#deadline.cancel()
    this.client.detach(this.#bytes.subarray(header.length))
    this.resolve(header)
  }

  onEnd(): void {
    this.#fail("client_aborted_in_head")
  }

  onDrain(): void {}

  onClose(error?: Error): void {
    this.#deadline.cancel()
    this.reject(toSessionEnd(error, "client_aborted_in_head"))
  }

  #parse(): ProxyHeader | "incomplete" | ProxyHeaderError {
    try {
      return parseProxyHeader(this.#bytes)
    } catch (error) {
      if (error instanceof ProxyHeaderError) return error
      throw error
    }
  }

  #fail(reason: CloseReason, detail?: string): void {
    this.#deadline.cancel()
    this.client.detach()
    this.reject(new SessionEnd(reason, detail))
  }
}
