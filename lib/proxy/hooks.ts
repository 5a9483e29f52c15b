/** The functions of a program that decide about requests, put to work for one plan. */
import { type Authorize, AuthorizeHook } from "../access/authorize-hook.js"
import type { AccessCheck } from "../access/check.js"
import type { HookTiming } from "../access/hook.js"
import { type Permits, parseDestinations } from "../address/destinations.js"
import { ConfigError } from "../config/problem.js"
import type { Pool } from "../pool/pool.js"
import type { PoolRuntime } from "../pool/pool-runtime.js"
import { EndpointPools } from "../registry/endpoint-pools.js"
import { type Locate, LocateHook, type Places } from "../registry/locate-hook.js"
import type { Locator } from "../registry/locator.js"
import { SettingError } from "../settings/setting-error.js"
import type { Clock } from "../shared/clock.js"
import type { Pools } from "./pools.js"

/** Functions of a program that are asked about each request. */
export interface Hooks {
  /** Asked after the route's own checks. Default: every client may connect. */
  readonly authorize?: Authorize
  /** Asked last, before a backend is dialled. Default: as configured. */
  readonly locate?: Locate
  /** How long a hook may take, in milliseconds. Default: 5000. */
  readonly hookTimeoutMs?: number
  /**
   * Where the URLs that `locate` returns may lead: names, `*.name`, addresses and CIDR ranges, each with an
   * optional port or range of ports. Default: all public addresses.
   */
  readonly allowDestinations?: readonly string[]
}

const TIMEOUT_MS = 5000
/** How many URLs of a `locate` hook are remembered. */
const MAX_URLS = 1000

export class PlannedHooks implements Places {
  /** The program's check, if it has one. */
  readonly checks: readonly AccessCheck[]
  readonly #timing: HookTiming
  readonly #urls: EndpointPools

  /** @throws {ConfigError} if an option is not valid */
  constructor(
    private readonly hooks: Hooks,
    private readonly pools: Pick<Pools, "named" | "runtimeFor">,
    clock: Clock,
  ) {
    const { authorize, locate, hookTimeoutMs: timeoutMs = TIMEOUT_MS } = hooks
    for (const [option, hook] of Object.entries({ authorize, locate })) {
      if (hook !== undefined && typeof hook !== "function") throw faultOf(option, "expected a function")
    }
    if (!Number.isInteger(timeoutMs) || timeoutMs < 1) {
      throw faultOf("hookTimeoutMs", "expected a whole number of milliseconds, at least 1")
    }
    this.#timing = { timeoutMs, clock }
    this.checks = authorize === undefined ? [] : [new AuthorizeHook(authorize, this.#timing)]
    this.#urls = new EndpointPools("locate", permitsOf(hooks), {}, MAX_URLS)
  }

  /**
   * The locator of a route.
   * @param configured that of its registry
   * @param ownPool the route's pool, if it has one
   */
  locatorOver(configured: Locator | undefined, ownPool: PoolRuntime | undefined): Locator | undefined {
    const { locate } = this.hooks
    return locate ? new LocateHook(locate, this.#timing, this, configured, ownPool) : configured
  }

  poolNamed(name: string): PoolRuntime | undefined {
    return this.pools.named.get(name)
  }

  runtimeOf(pool: Pool): PoolRuntime {
    return this.pools.runtimeFor(pool)
  }

  endpointAt(address: string): PoolRuntime {
    return this.#urls.poolOf(address)
  }
}

function permitsOf({ allowDestinations = [] }: Hooks): Permits {
  try {
    return parseDestinations(allowDestinations)
  } catch (error) {
    if (!(error instanceof SettingError)) throw error
    throw faultOf("allowDestinations", error.message)
  }
}

function faultOf(option: string, message: string): ConfigError {
  return new ConfigError("options", [{ path: [option], message }])
}
