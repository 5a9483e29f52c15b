/**
 * Forward auth: asks an authorization service about each request, as nginx does with auth_request. It fails
 * closed: a client gets in only by a complete 2xx.
 */
import { SessionEnd } from "../close-reason.js"
import { lowerCaseName } from "../http/field-names.js"
import { HttpClient, HttpClientError } from "../net/http-client.js"
import { BoundedCache } from "../shared/bounded-cache.js"
import type { Clock } from "../shared/clock.js"
import { questionAbout, toGrant, traceFieldsOf } from "./auth-exchange.js"
import type { AccessCheck, AskedRequest, Asking, Grant } from "./check.js"
import type { ForwardAuthSettings } from "./forward-auth-schema.js"
import { hasCredentials, verdictKey } from "./verdict-key.js"

export class ForwardAuth implements AccessCheck {
  readonly #url: URL
  readonly #sent: ReadonlySet<string>
  readonly #verdicts: BoundedCache<Grant>
  #http: HttpClient | undefined

  constructor(
    private readonly settings: ForwardAuthSettings,
    private readonly clock: Clock,
  ) {
    this.#url = new URL(settings.url)
    this.#sent = new Set(settings.request_headers.map(lowerCaseName))
    this.#verdicts = new BoundedCache(settings.cache?.max_entries ?? 0)
  }

  /** Called once, before the first check. */
  async prepare(): Promise<void> {
    this.#http = await HttpClient.load(this.clock)
  }

  check(asked: AskedRequest, asking: Asking): Grant | Promise<Grant> {
    const { cache } = this.settings
    const question = questionAbout(asked, this.#sent)
    const ask = () => this.#ask([...question, ...traceFieldsOf(asked)], asking)
    if (cache === undefined || !hasCredentials(asked.request.fields, this.#sent)) return ask()
    const key = verdictKey(question)
    const known = this.#verdicts.get(key, this.clock.nowMs())
    if (known !== undefined) return known
    return ask().then((grant) => {
      this.#verdicts.set(key, grant, this.clock.nowMs() + cache.ttl_ms)
      return grant
    })
  }

  stop(): void {
    this.#http?.stop()
    this.#verdicts.clear()
  }

  async #ask(fields: readonly string[], { signal }: Asking): Promise<Grant> {
    const { copy_headers: copied, max_response_bytes: maxBytes, timeout_ms: timeoutMs } = this.settings
    if (this.#http === undefined) throw new SessionEnd("internal_error", "forward auth is not prepared")
    try {
      return toGrant(await this.#http.get(this.#url, { fields, maxBytes, timeoutMs, signal }), copied)
    } catch (error) {
      throw toEnd(error)
    }
  }
}

/** What the client is told must not name internal addresses, as the cause may. */
function toEnd(error: unknown): unknown {
  if (!(error instanceof HttpClientError)) return error
  if (error.kind === "timeout") return new SessionEnd("auth_timeout")
  const detail = error.kind === "too_large" ? error.message : ""
  return new SessionEnd("auth_failed", detail, error.cause ?? error)
}
