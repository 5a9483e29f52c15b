/** A program's `locate` hook as a locator: it names the pool, backend or URL for each request. */
import type { AskedRequest, Asking } from "../access/check.js"
import {
  CHANGES,
  callHook,
  type HookChanges,
  type HookRequest,
  type HookTiming,
  toChanges,
} from "../access/hook.js"
import { ofType, tableWith, text } from "../access/returned.js"
import { Pool } from "../pool/pool.js"
import type { PoolRuntime } from "../pool/pool-runtime.js"
import { parseEndpointUrl, targetAt } from "./endpoint-url.js"
import type { Destination, Locator } from "./locator.js"

/** Where a `locate` hook sends a request. With neither `pool`, `backend` nor `url`: as configured. */
export interface Location extends HookChanges {
  /** The name of a `[pool.NAME]`, or a `Pool` of the program. */
  readonly pool?: string | Pool
  /** The only backend of that pool, or else of the route's, that may get the session, by its name. */
  readonly backend?: string
  /**
   * `ws://host[:port][/path][?query]` or `wss://…`, in place of a pool. May only be dialled where
   * `allowDestinations` says. The client's path comes below its path, and its query before the client's.
   */
  readonly url?: string | URL
  /**
   * The request target for the backend, below its base path. Default: the client's, as the route rewrites it.
   */
  readonly path?: string
  /** What the log calls the endpoint. */
  readonly endpoint?: string
}

/**
 * Decides where a request goes. `undefined`: as configured. Refuses and fails as `Authorize` does.
 * @param signal aborted when the client leaves or the time is over
 */
export type Locate = (
  request: HookRequest,
  signal: AbortSignal,
) => Location | undefined | Promise<Location | undefined>

/** What a location is resolved with. */
export interface Places {
  /** Undefined: there is no pool of this name. */
  poolNamed(name: string): PoolRuntime | undefined
  runtimeOf(pool: Pool): PoolRuntime
  /** The pool of a URL without path and query. @throws {AddressError} */
  endpointAt(address: string): PoolRuntime
}

export class LocateHook implements Locator {
  /**
   * @param otherwise the route's own locator
   * @param ownPool the route's pool; undefined if it has none
   */
  constructor(
    private readonly hook: Locate,
    private readonly timing: HookTiming,
    private readonly places: Places,
    private readonly otherwise: Locator | undefined,
    private readonly ownPool: PoolRuntime | undefined,
  ) {}

  async locate(asked: AskedRequest, path: string, asking: Asking): Promise<Destination> {
    const found = await callHook(this.hook, asked, asking, this.timing, (location) =>
      location === undefined ? undefined : this.#resolve(location, path),
    )
    if (found?.running !== undefined || (found !== undefined && this.otherwise === undefined)) return found
    if (this.otherwise === undefined) return { path }
    const configured = await this.otherwise.locate(asked, found?.path ?? path, asking)
    const edits = [...(configured.edits ?? []), ...(found?.edits ?? [])]
    return { ...configured, edits, ...(found?.limits && { limits: found.limits }) }
  }

  /** Throws what is then the hook's error. */
  #resolve(location: Location, path: string): Destination {
    checkLocation(location, ["locate"])
    const { pool, url, backend, endpoint } = location
    if (pool !== undefined && url !== undefined) throw new TypeError("locate named both a pool and a url")
    const target = location.path ?? path
    checkTarget(target)
    const changes = toChanges(location)
    if (url !== undefined) {
      const parsed = parseEndpointUrl(String(url))
      const running = this.places.endpointAt(parsed.address)
      return { ...changes, running, path: targetAt(parsed, target), endpoint }
    }
    const running = this.#runningOf(pool) ?? (backend === undefined ? undefined : this.ownPool)
    if (backend !== undefined && !running?.pool.backends.includes(backend)) {
      throw new Error(`locate named the unknown backend "${backend}"`)
    }
    return { ...changes, running, backend, path: target, endpoint }
  }

  #runningOf(pool: Location["pool"]): PoolRuntime | undefined {
    if (pool === undefined) return undefined
    if (typeof pool !== "string") return this.places.runtimeOf(pool)
    const named = this.places.poolNamed(pool)
    if (named === undefined) throw new Error(`locate named the unknown pool "${pool}"`)
    return named
  }
}

const checkLocation = tableWith({
  pool: ofType("a name or a Pool", (value) => typeof value === "string" || value instanceof Pool),
  backend: text,
  url: ofType("text or a URL", (value) => typeof value === "string" || value instanceof URL),
  path: text,
  endpoint: text,
  ...CHANGES,
})

/** A request target in origin-form (RFC 9112 §3.2.1). */
function checkTarget(path: string): void {
  if (!/^\/[\x21\x22\x24-\x7e]*$/.test(path)) {
    throw new TypeError("locate returned a path that is not a request target: expected e.g. /chat?room=1")
  }
}
