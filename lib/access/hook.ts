/**
 * Functions of a program that decide about requests: what they are given, how long they may take, and how
 * they refuse.
 */
import { type OwnResponse, SessionEnd } from "../close-reason.js"
import { isSecure } from "../forwarding/reported-client.js"
import { FieldEdit } from "../http/field-writer.js"
import { isHopByHop } from "../http/hop-by-hop.js"
import { SettingError } from "../settings/setting-error.js"
import type { Clock } from "../shared/clock.js"
import { checkFieldName, checkFieldValue, type FieldRules, toFieldEdits } from "../upgrade/field-rules.js"
import type { AskedRequest, Asking, TunnelLimits } from "./check.js"
import { plainError } from "./plain-error.js"
import { listOf, number, ofType, tableOf, tableWith, text } from "./returned.js"

/** A valid upgrade request, as hooks see it. */
export interface HookRequest {
  /** The request target: path and query. */
  readonly url: string
  /** The value of `Host`. */
  readonly host: string
  /** Fields by their name in lower case. Several of one name are joined by `, `, cookies by `; `. */
  readonly headers: Readonly<Record<string, string>>
  /** The client, or the one that trusted proxies report. A Unix socket has the address "". */
  readonly client: { readonly address: string; readonly port: number }
  /** "https" if the client came over TLS. */
  readonly protocol: "http" | "https"
  /** The listener's name. */
  readonly listener: string
  /** The route's name in logs and events; undefined if no route matched. */
  readonly route: string | undefined
  /** X-Request-ID for the backend; undefined with `trace_headers = false`. */
  readonly requestId: string | undefined
}

/** What a hook may change of a session that it lets in. */
export interface HookChanges {
  /** Fields of the backend's request. The client's own of these names are dropped. */
  readonly headers?: FieldRules
  /** Limits of this tunnel in place of the listener's. They are checked about once a second. */
  readonly limits?: HookLimits
}

export interface HookLimits {
  /** As `idle_timeout_ms`. */
  readonly idleTimeoutMs?: number
  /** As `half_close_timeout_ms`. */
  readonly halfCloseTimeoutMs?: number
  /** As `max_lifetime_ms`. */
  readonly maxLifetimeMs?: number
  /** When the tunnel ends, with the reason `token_expired`. A number is milliseconds since 1970. */
  readonly expiresAt?: Date | number
}

/** The keys of `HookChanges`. */
export const CHANGES = {
  headers: tableWith({ set: tableOf(text), remove: listOf(text) }),
  limits: tableWith({
    idleTimeoutMs: number,
    halfCloseTimeoutMs: number,
    maxLifetimeMs: number,
    expiresAt: ofType("a Date or a number", (value) => value instanceof Date || typeof value === "number"),
  }),
}

/** Throw it in a hook to refuse the client. */
export class Refusal extends Error {
  override readonly name = "Refusal"
  readonly headers: Readonly<Record<string, string>>

  /**
   * @param status of the response, 300 to 599 but not 304
   * @param reason the body: one line of text for the client. Default: no body
   * @param headers fields of the response, such as `WWW-Authenticate`, `Location` or `Retry-After`
   * @throws {RangeError} for any other status
   * @throws {SettingError} for a field that can't be sent, or that frames the response
   */
  constructor(
    readonly status: number,
    readonly reason = "",
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(reason)
    checkStatus(status)
    this.headers = { ...headers }
    for (const [name, value] of Object.entries(this.headers)) {
      checkFieldName(name)
      checkFieldValue(name, value)
      if (FRAMING.has(name.toLowerCase()) || isHopByHop(name.toLowerCase(), [])) {
        throw new SettingError(`"${name}" can't be set: rws writes it itself`)
      }
    }
  }
}

/**
 * A response to an upgrade without a tunnel. A 304 has no body and answers a condition that rws never sends.
 */
function checkStatus(status: number): void {
  if (Number.isInteger(status) && status >= 300 && status <= 599 && status !== 304) return
  throw new RangeError(`a refusal can't have the status ${status}: expected 300 to 599 but not 304`)
}

const MAX_DETAIL = 200

const FRAMING: ReadonlySet<string> = new Set(["content-length", "date"])

/**
 * Calls a hook and waits for what it decides. Rejects with a `SessionEnd`: `hook_refused` for a `Refusal`,
 * `hook_timeout`, or `hook_failed` for any other error.
 * @param toDecision converts what the hook has returned; what it throws is the hook's error as well
 */
export async function callHook<Decided, Decision>(
  hook: (request: HookRequest, signal: AbortSignal) => Decided | Promise<Decided>,
  asked: AskedRequest,
  asking: Asking,
  { timeoutMs, clock }: HookTiming,
  toDecision: (decided: Decided) => Decision,
): Promise<Decision> {
  const late = new AbortController()
  const signal = AbortSignal.any([asking.signal, late.signal])
  try {
    return await new Promise<Decision>((resolve, reject) => {
      const timer = clock.after(timeoutMs, () => {
        const end = new SessionEnd("hook_timeout", `no decision within ${timeoutMs} ms`)
        late.abort(end)
        reject(end)
      })
      Promise.resolve()
        .then(() => hook(new AskedByHook(asked, asking), signal))
        .then(toDecision)
        .then(resolve, reject)
        .finally(() => timer.cancel())
    })
  } catch (error) {
    throw toEnd(error)
  }
}

export interface HookTiming {
  readonly timeoutMs: number
  readonly clock: Clock
}

/** The edits and limits that a hook has asked for. Throws for those that are not valid. */
export function toChanges({ headers, limits }: HookChanges): {
  edits: readonly FieldEdit[]
  limits?: TunnelLimits
} {
  const edits = headers === undefined ? [] : toFieldEdits(headers)
  return limits === undefined ? { edits } : { edits, limits: toTunnelLimits(limits) }
}

function toTunnelLimits(limits: HookLimits): TunnelLimits {
  const { idleTimeoutMs, halfCloseTimeoutMs, maxLifetimeMs, expiresAt } = limits
  const expires = expiresAt === undefined ? undefined : Number(expiresAt)
  for (const value of [idleTimeoutMs, halfCloseTimeoutMs, maxLifetimeMs, expires]) {
    if (value !== undefined && !(value >= 0))
      throw new RangeError(`${value} is not a limit: expected 0 or more`)
  }
  return {
    ...(idleTimeoutMs !== undefined && { idle_timeout_ms: idleTimeoutMs }),
    ...(halfCloseTimeoutMs !== undefined && { half_close_timeout_ms: halfCloseTimeoutMs }),
    ...(maxLifetimeMs !== undefined && { max_lifetime_ms: maxLifetimeMs }),
    ...(expires !== undefined && { expiresAt: expires }),
  }
}

function toEnd(error: unknown): SessionEnd {
  if (error instanceof SessionEnd) return error
  return error instanceof Refusal ? refusedBy(error) : new SessionEnd("hook_failed", "", plainError(error))
}

function refusedBy({ status, reason, headers }: Refusal): SessionEnd {
  const hasType = Object.keys(headers).some((name) => name.toLowerCase() === "content-type")
  const lines = Object.entries(headers).map(([name, value]) => FieldEdit.set(name, value).line)
  if (reason !== "" && !hasType) lines.push("Content-Type: text/plain; charset=utf-8\r\n")
  const body = Buffer.from(reason === "" ? "" : `${reason}\n`)
  const response: OwnResponse = { status, fieldLines: lines.join(""), body }
  return new SessionEnd("hook_refused", reason.slice(0, MAX_DETAIL), undefined, response)
}

/** Builds the table of fields only for hooks that look at it. */
class AskedByHook implements HookRequest {
  readonly url: string
  readonly host: string
  readonly client: HookRequest["client"]
  readonly protocol: "http" | "https"
  readonly listener: string
  readonly route: string | undefined
  readonly requestId: string | undefined
  readonly #asked: AskedRequest
  #headers: Record<string, string> | undefined

  constructor(asked: AskedRequest, { listener, route }: Asking) {
    const { request, client, proto, report, trace } = asked
    this.#asked = asked
    this.url = request.target
    this.host = request.host
    this.client = { address: client.ip, port: client.port }
    this.protocol = isSecure(report?.proto ?? proto) ? "https" : "http"
    this.listener = listener
    this.route = route
    this.requestId = trace?.requestId
  }

  get headers(): Readonly<Record<string, string>> {
    if (this.#headers !== undefined) return this.#headers
    const headers: Record<string, string> = Object.create(null)
    for (const { name, value } of this.#asked.request.fields) {
      const before = headers[name]
      headers[name] = before === undefined ? value : `${before}${name === "cookie" ? "; " : ", "}${value}`
    }
    this.#headers = headers
    return headers
  }
}
