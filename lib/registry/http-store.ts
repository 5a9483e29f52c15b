/** A registry behind HTTP: one GET for each endpoint. 200 has its entry as JSON, 404 says that there is none. */
import type { Pool } from "undici"
import type { RemoteStore } from "./endpoint-source.js"
import { readSecret } from "./regular-file.js"

export interface HttpStoreSettings {
  /** The URL of an entry, with `{key}` in its path or query. */
  readonly url: string
  /** File with the bearer token (RFC 6750) to send; undefined: none. */
  readonly password_file?: string | undefined
  readonly timeout_ms: number
}

/** Concurrent requests; others wait for one of them. */
const CONNECTIONS = 8
const KEEP_ALIVE_MS = 30_000
const MAX_RESPONSE_BYTES = 64 * 2 ** 10

export class HttpStore implements RemoteStore {
  #pool: Pool | undefined
  #headers: Readonly<Record<string, string>> = {}

  constructor(private readonly settings: HttpStoreSettings) {}

  async prepare(): Promise<void> {
    const { Pool } = await import("undici")
    const { url, password_file, timeout_ms } = this.settings
    const token = password_file === undefined ? {} : { authorization: `Bearer ${readSecret(password_file)}` }
    this.#headers = { accept: "application/json", ...token }
    this.#pool ??= new Pool(new URL(url).origin, {
      connections: CONNECTIONS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connect: { timeout: timeout_ms },
      headersTimeout: timeout_ms,
      bodyTimeout: timeout_ms,
      maxResponseSize: MAX_RESPONSE_BYTES,
    })
  }

  /** Follows no redirects: they could lead the request, and the token with it, elsewhere. */
  async fetch(key: string, signal: AbortSignal): Promise<unknown> {
    // Some servers decode %2F and resolve dot segments after that.
    if (/[/\\]/.test(key)) return undefined
    if (this.#pool === undefined) throw new Error("the store has not been prepared")
    const { pathname, search } = new URL(this.settings.url.replace("{key}", () => encodeURIComponent(key)))
    const { statusCode, body } = await this.#pool.request({
      method: "GET",
      path: pathname + search,
      headers: this.#headers,
      signal,
    })
    if (statusCode === 200) return await body.json()
    await body.dump()
    if (statusCode === 404) return undefined
    throw new Error(`the registry responded with status ${statusCode}`)
  }

  stop(): void {
    void this.#pool?.close()
  }
}
