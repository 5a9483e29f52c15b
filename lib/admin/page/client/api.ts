/** Requests to the admin API. */

/** A response that is not a success. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message)
  }
}

/** Kept here only, and so asked for again when the page is loaded again. */
let token: string | undefined

/** The token of `[admin]`, sent with all requests from now on. */
export function useToken(given: string): void {
  token = given
}

/** A reload with many listeners may take a while. */
const TIMEOUT_MS = 10_000

export function getJson<T>(path: string): Promise<T> {
  return ask<T>(path, {})
}

export function postJson<T>(path: string, body?: unknown): Promise<T> {
  if (body === undefined) return ask<T>(path, { method: "POST" })
  return ask<T>(path, { method: "POST", body: JSON.stringify(body) }, { "Content-Type": "application/json" })
}

/** Throws an `ApiError`, or what `fetch` throws if there is no response at all. */
async function ask<T>(path: string, init: RequestInit, type: Record<string, string> = {}): Promise<T> {
  const headers = token === undefined ? type : { ...type, Authorization: `Bearer ${token}` }
  const response = await fetch(path, { ...init, headers, signal: AbortSignal.timeout(TIMEOUT_MS) })
  const text = await response.text()
  if (!response.ok) throw new ApiError(response.status, errorIn(text) ?? `HTTP status ${response.status}`)
  return (text === "" ? undefined : JSON.parse(text)) as T
}

function errorIn(text: string): string | undefined {
  try {
    const { error, problems = [] } = JSON.parse(text) as { error?: string; problems?: readonly string[] }
    return error && [error, ...problems].join("; ")
  } catch {
    return undefined
  }
}
