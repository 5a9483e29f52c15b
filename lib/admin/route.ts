/** A route of the admin server: what is asked for, and what comes back. */

export interface AdminRequest {
  /** The parts of the path that the route calls `:name`, decoded. */
  readonly params: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  /** The parsed JSON; undefined without a body. */
  readonly body: unknown
  /** Aborted once the client has gone. */
  readonly signal: AbortSignal
}

export interface AdminResponse {
  readonly status: number
  /** The Content-Type. Default: application/json. */
  readonly type?: string
  readonly body?: string | Buffer
  /**
   * A body without an end: the next part is asked for once the client has taken the previous one. It ends
   * when the request's signal is aborted.
   */
  readonly stream?: AsyncIterable<string>
  readonly headers?: Readonly<Record<string, string>>
}

export interface AdminRoute {
  readonly method: "GET" | "POST"
  /** As in "/api/sessions/:id/close". Each `:name` is one segment. */
  readonly path: string
  /** Needs no token. */
  readonly isPublic?: boolean
  /** Never waits for requests to other routes. */
  readonly isProbe?: boolean
  /** Throws an `AdminError` for what the client has done wrong. */
  handle(request: AdminRequest): AdminResponse | Promise<AdminResponse>
}

/** A request that can't be carried out. The client gets the status and the message. */
export class AdminError extends Error {
  override readonly name = "AdminError"

  /** @param details further fields of the JSON */
  constructor(
    readonly status: number,
    message: string,
    readonly details: Readonly<Record<string, unknown>> = {},
  ) {
    super(message)
  }
}

export function json(value: unknown, status = 200): AdminResponse {
  return { status, body: `${JSON.stringify(value)}\n` }
}

/** The values of the route's `:name` parts, or undefined if the path is another one. */
export function matchPath(pattern: string, path: string): Record<string, string> | undefined {
  const expected = pattern.split("/")
  const given = path.split("/")
  if (given.length !== expected.length) return undefined
  const params: Record<string, string> = {}
  for (const [index, part] of expected.entries()) {
    const text = given[index] ?? ""
    if (!part.startsWith(":")) {
      if (text !== part) return undefined
      continue
    }
    const value = decoded(text)
    if (value === undefined || value === "") return undefined
    params[part.slice(1)] = value
  }
  return params
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
