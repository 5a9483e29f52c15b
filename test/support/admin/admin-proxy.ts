/** A proxy with an admin server on a free port, and what it responds with. */
import type { Test } from "tap"
import type { ProxyStatus } from "../../../lib/admin/api-types.js"
import type { Config } from "../../../lib/config/schema.js"
import { createProxy, type RunningProxy } from "../../../lib/index.js"
import type { ProxyOptions } from "../../../lib/proxy/proxy.js"
import { collectLog, type LogLines } from "../program/log-lines.js"

export interface AdminResponse {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: tests say what they expect
  readonly json: any
}

export interface AdminProxy extends LogLines {
  readonly proxy: RunningProxy
  /** `http://127.0.0.1:PORT` of the admin server. */
  readonly url: string
  get(path: string): Promise<AdminResponse>
  post(path: string, body?: object): Promise<AdminResponse>
}

/** Starts it, with one listener on a free port unless the configuration has others. */
export async function startAdminProxy(
  t: Test,
  config: Partial<Config>,
  options: ProxyOptions = {},
): Promise<AdminProxy> {
  const { log, lines } = collectLog()
  const written: Config = { ws_proxy: [], ...config, admin: { bind: "127.0.0.1:0", ...config.admin } }
  const proxy = await createProxy(written, { log, ...options })
  t.teardown(() => proxy.close(0))
  const url = `http://${proxy.adminAddress()}`
  return {
    proxy,
    log,
    lines,
    url,
    get: (path) => ask(url + path),
    post: (path, body) => ask(url + path, body ?? null),
  }
}

/** A GET, or a POST with this body, which may be null for none. */
export async function ask(url: string, body?: object | null): Promise<AdminResponse> {
  const response = await fetch(url, body === undefined ? {} : posting(body))
  return { status: response.status, json: await response.json() }
}

/** Asks for the status until it is as expected, for at most 20 seconds. */
export async function statusUntil(url: string, isIt: (status: ProxyStatus) => boolean): Promise<ProxyStatus> {
  const endMs = performance.now() + 20_000
  for (;;) {
    const { json } = await ask(`${url}/api/status`)
    if (isIt(json) || performance.now() > endMs) return json
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

function posting(body: object | null): RequestInit {
  if (body === null) return { method: "POST" }
  return {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  }
}
