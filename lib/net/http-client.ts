/**
 * GET requests that rws sends on its own behalf, to authorization services and for keys, on connections that
 * are kept alive. Redirects are not followed, certificates are verified.
 */
import type { Agent, Dispatcher } from "undici"
import { type Clock, systemClock } from "../shared/clock.js"

/** Concurrent requests of one client. Further ones wait, and their deadlines run meanwhile. */
const MAX_CONNECTIONS = 128
/** What a request fails with if the server has closed the kept connection at the same time. */
const CLOSED = new Set(["UND_ERR_SOCKET", "ECONNRESET", "EPIPE"])

export interface GetOptions {
  /** Names and values in turn, in Latin-1. */
  readonly fields?: readonly string[]
  /** The longest body. */
  readonly maxBytes: number
  /** From now until the body is complete. */
  readonly timeoutMs: number
  /** Aborts the request. */
  readonly signal?: AbortSignal
}

export interface HttpResponse {
  /** 200 or more. */
  readonly status: number
  /** As received, in Latin-1. */
  readonly fields: readonly (readonly [name: string, value: string])[]
  readonly body: Buffer
}

/** There is no complete response. `cause` says why. */
export class HttpClientError extends Error {
  override readonly name = "HttpClientError"

  constructor(
    readonly kind: "timeout" | "too_large" | "failed",
    message: string,
    cause?: unknown,
  ) {
    super(message, { cause })
  }
}

export class HttpClient {
  private constructor(
    private readonly kept: Agent,
    /** One connection for each request. */
    private readonly fresh: Agent,
    private readonly clock: Clock,
  ) {}

  /** Loads undici, which programs that make no such requests never do. */
  static async load(clock: Clock = systemClock): Promise<HttpClient> {
    const { Agent } = await import("undici")
    // Each request has one deadline for everything, in place of undici's.
    const options = { connections: MAX_CONNECTIONS, headersTimeout: 0, bodyTimeout: 0 }
    return new HttpClient(new Agent(options), new Agent({ ...options, pipelining: 0 }), clock)
  }

  /**
   * Rejects with `HttpClientError`, or with the reason of the signal. Retries once if the connection breaks
   * before the response: a server may close a kept connection at any time.
   */
  async get(url: URL, { fields = [], maxBytes, timeoutMs, signal }: GetOptions): Promise<HttpResponse> {
    const controller = new AbortController()
    const late = () => controller.abort(new HttpClientError("timeout", `no response within ${timeoutMs} ms`))
    const abort = () => controller.abort(signal?.reason)
    const deadline = this.clock.after(timeoutMs, late).unref()
    signal?.addEventListener("abort", abort)
    if (signal?.aborted) abort()
    const request: Dispatcher.RequestOptions = {
      origin: url.origin,
      path: url.pathname + url.search,
      method: "GET",
      headers: [...fields],
      signal: controller.signal,
      responseHeaders: "raw",
    }
    try {
      const response = await this.kept.request(request).catch((error: unknown) => {
        if (controller.signal.aborted || !CLOSED.has(codeOf(error))) throw error
        return this.fresh.request(request)
      })
      const body = await readBody(response.body, maxBytes)
      return { status: response.statusCode, fields: pairsOf(response.headers), body }
    } catch (error) {
      if (controller.signal.aborted) throw controller.signal.reason
      throw error instanceof HttpClientError
        ? error
        : new HttpClientError("failed", "the request failed", error)
    } finally {
      deadline.cancel()
      signal?.removeEventListener("abort", abort)
    }
  }

  /** Requests in flight may finish. */
  stop(): void {
    for (const agent of [this.kept, this.fresh]) agent.close().catch(() => {})
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : ""
}

async function readBody(body: Dispatcher.ResponseData["body"], maxBytes: number): Promise<Buffer> {
  // A body that is not read to its end reports that, too.
  body.on("error", () => {})
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of body) {
    const bytes: Buffer = chunk
    length += bytes.length
    if (length > maxBytes) throw new HttpClientError("too_large", `the body exceeds ${maxBytes} bytes`)
    chunks.push(bytes)
  }
  return Buffer.concat(chunks)
}

/** undici's types don't tell that "raw" headers are a list. */
function pairsOf(headers: unknown): [name: string, value: string][] {
  const list: unknown[] = Array.isArray(headers) ? headers : []
  const pairs: [string, string][] = []
  for (let at = 0; at + 1 < list.length; at += 2) pairs.push([String(list[at]), String(list[at + 1])])
  return pairs
}
