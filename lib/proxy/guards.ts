/** Makes the checks and the locator of each route, from its rules and the program's hooks. */
import { type Authorize, AuthorizeHook } from "../access/authorize-hook.js"
import type { AccessCheck } from "../access/check.js"
import type { HookTiming } from "../access/hook.js"
import type { Pool } from "../pool/pool.js"
import type { PoolRuntime } from "../pool/pool-runtime.js"
import { type Locate, LocateHook, type Places } from "../registry/locate-hook.js"
import type { Locator } from "../registry/locator.js"
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

const HOOK_TIMEOUT_MS = 5000

/** What a route has of its own. */
export interface Guarded {
  readonly checks: readonly AccessCheck[]
  readonly locator: Locator | undefined
}

export class Guards implements Places {
  readonly #timing: HookTiming
  readonly #authorize: readonly AccessCheck[]

  constructor(
    private readonly hooks: Hooks,
    private readonly pools: Pick<Pools, "named" | "runtimeFor">,
    clock: Clock,
  ) {
    const { authorize, hookTimeoutMs: timeoutMs = HOOK_TIMEOUT_MS } = hooks
    this.#timing = { timeoutMs, clock }
    this.#authorize = authorize === undefined ? [] : [new AuthorizeHook(authorize, this.#timing)]
  }

  /** @param ownPool the route's pool, if it has one */
  guard(ownPool: PoolRuntime | undefined): Guarded {
    const { locate } = this.hooks
    const locator = locate && new LocateHook(locate, this.#timing, this, undefined, ownPool)
    return { checks: this.#authorize, locator }
  }

  poolNamed(name: string): PoolRuntime | undefined {
    return this.pools.named.get(name)
  }

  runtimeOf(pool: Pool): PoolRuntime {
    return this.pools.runtimeFor(pool)
  }

  endpointAt(url: string): PoolRuntime {
    throw new Error(`not built yet: ${url}`)
  }
}
