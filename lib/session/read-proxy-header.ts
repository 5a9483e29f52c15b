/** Reads the header of the PROXY protocol that a trusted proxy sends ahead of its client's request. */

import { type CloseReason, SessionEnd, toSessionEnd } from "../close-reason.js"
import { type ProxyHeader, ProxyHeaderError } from "../forwarding/proxy-header.js"
import { parseProxyHeader } from "../forwarding/proxy-protocol.js"
import type { Connection, Handler } from "../net/connection.js"

/**
 * Resolves to the header and leaves what follows it with the peer. Rejects with a `SessionEnd`: `bad_proxy_header`,
 * `head_timeout` after `timeoutMs`, `client_aborted_in_head`, or the one that the peer's socket was destroyed with.
 */
export function readProxyHeader(peer: Connection, timeoutMs: number): Promise<ProxyHeader> {
  return new Promise((resolve, reject) => {
    peer.attach(new ProxyHeaderReader(peer, timeoutMs, resolve, reject))
  })
}

class ProxyHeaderReader implements Handler {
  readonly #deadline: NodeJS.Timeout
  #bytes: Buffer = Buffer.alloc(0)

  constructor(
    private readonly peer: Connection,
    timeoutMs: number,
    private readonly resolve: (header: ProxyHeader) => void,
    private readonly reject: (error: SessionEnd) => void,
  ) {
    this.#deadline = setTimeout(() => this.#fail("head_timeout"), timeoutMs)
  }

  onBytes(bytes: Buffer): void {
    this.#bytes = this.#bytes.length > 0 || this.peer.lends ? Buffer.concat([this.#bytes, bytes]) : bytes
    const header = this.#parse()
    if (header === "incomplete") return
    if (header instanceof ProxyHeaderError) {
      this.#fail("bad_proxy_header", header.message)
      return
    }
    clearTimeout(this.#deadline)
    this.peer.detach(this.#bytes.subarray(header.length))
    this.resolve(header)
  }

  onEnd(): void {
    this.#fail("client_aborted_in_head")
  }

  onDrain(): void {}

  onClose(error?: Error): void {
    clearTimeout(this.#deadline)
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
    clearTimeout(this.#deadline)
    this.peer.detach()
    this.reject(new SessionEnd(reason, detail))
  }
}
