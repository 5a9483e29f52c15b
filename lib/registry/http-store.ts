/**
 * A registry behind HTTP: one GET for each endpoint. 200 has its entry as JSON, 404 says that there is none.
 */
import { HttpClient } from "../net/http-client.js"
import type { RemoteStore } from "./endpoint-source.js"
import { readPassword } from "./password-file.js"

export interface HttpStoreSettings {
  /** The URL of an entry, with `{key}` in its path or query. */
  readonly url: string
  /** File with the bearer token (RFC 6750) to send; undefined: none. */
  readonly password_file?: string | undefined
  readonly timeout_ms: number
}

const MAX_RESPONSE_BYTES = 64 * 2 ** 10

export class HttpStore implements RemoteStore {
  #client: HttpClient | undefined
  #fields: readonly string[] = []

  constructor(private readonly settings: HttpStoreSettings) {}

  async prepare(): Promise<void> {
    this.#readToken()
    this.#client ??= await HttpClient.load()
  }

  async fetch(key: string, signal: AbortSignal): Promise<unknown> {
    // Some servers decode %2F and resolve dot segments after that.
    if (/[/\\]/.test(key)) return undefined
    if (this.#client === undefined) throw new Error("the store has not been prepared")
    const url = new URL(this.settings.url.replace("{key}", () => encodeURIComponent(key)))
    const { status, body } = await this.#client.get(url, {
      fields: this.#fields,
      maxBytes: MAX_RESPONSE_BYTES,
      timeoutMs: this.settings.timeout_ms,
      signal,
    })
    if (status === 404) return undefined
    // There may be another token in the file by now, for the next request.
    if (status === 401) this.#readToken()
    if (status !== 200) throw new Error(`the registry responded with status ${status}`)
    return parsed(body)
  }

  stop(): void {
    this.#client?.stop()
  }

  #readToken(): void {
    const { password_file } = this.settings
    const token =
      password_file === undefined ? [] : ["Authorization", `Bearer ${readPassword(password_file)}`]
    this.#fields = ["Accept", "application/json", ...token]
  }
}

/** Does not repeat the body in its error: there may be secrets in it. */
function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString())
  } catch {
    throw new Error("the registry responded with a body that is not JSON")
  }
}
