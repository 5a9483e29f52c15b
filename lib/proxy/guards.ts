/** Makes the checks and the locator of each route, from its rules and the program's hooks. */
import { type Authorize, AuthorizeHook } from "../access/authorize-hook.js"
import type { AccessCheck } from "../access/check.js"
import { ForwardAuth } from "../access/forward-auth.js"
import type { ForwardAuthSettings } from "../access/forward-auth-schema.js"
import type { HookTiming } from "../access/hook.js"
import { TokenCheck } from "../access/jwt.js"
import type { JwtSettings } from "../access/jwt-schema.js"
import type { Observer } from "../ops/observer.js"
import type { Pool } from "../pool/pool.js"
import type { PoolRuntime } from "../pool/pool-runtime.js"
import { type Locate, LocateHook, type Places } from "../registry/locate-hook.js"
import type { Locator } from "../registry/locator.js"
import type { Clock } from "../shared/clock.js"
import type { Pools } from "./pools.js"
import type { Services } from "./services.js"

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

/** What is asked about the requests of a route. */
export interface Guarded {
  readonly checks: readonly AccessCheck[]
  readonly locator: Locator | undefined
}

/** The rules of a route, or those of its listener where it has none. */
export interface GuardRules {
  readonly jwt?: JwtSettings | undefined
  readonly forward_auth?: ForwardAuthSettings | undefined
}

/** The same rules as they are written. */
export type WrittenRules = { readonly [key in keyof GuardRules]?: unknown }

export class Guards implements Places {
  readonly #timing: HookTiming
  readonly #authorize: readonly AccessCheck[]

  constructor(
    private readonly hooks: Hooks,
    private readonly pools: Pick<Pools, "named" | "runtimeFor">,
    private readonly services: Services,
    private readonly observer: Pick<Observer, "serviceFailed">,
    private readonly clock: Clock,
  ) {
    const { authorize, hookTimeoutMs: timeoutMs = HOOK_TIMEOUT_MS } = hooks
    this.#timing = { timeoutMs, clock }
    this.#authorize = authorize === undefined ? [] : [new AuthorizeHook(authorize, this.#timing)]
  }

  /** @param ownPool the route's pool, if it has one */
  guard(rules: GuardRules, written: WrittenRules, ownPool: PoolRuntime | undefined): Guarded {
    const { jwt, forward_auth } = rules
    const { locate } = this.hooks
    const locator = locate && new LocateHook(locate, this.#timing, this, undefined, ownPool)
    const checks = [
      ...(jwt === undefined ? [] : [this.#tokenCheck(jwt, written.jwt)]),
      ...(forward_auth === undefined ? [] : [this.#forwardAuth(forward_auth, written.forward_auth)]),
      ...this.#authorize,
    ]
    return { checks, locator }
  }

  #tokenCheck(settings: JwtSettings, written: unknown): TokenCheck {
    const { clock, observer } = this
    const onFailure = (message: string, error: unknown) => observer.serviceFailed("jwt", message, error)
    // Files are read again by each reload.
    const isKept = settings.jwks_url !== undefined
    return this.services.take(
      TokenCheck,
      isKept ? keyOf("jwt", written) : undefined,
      () => new TokenCheck(settings, { clock, onFailure }),
    )
  }

  #forwardAuth(settings: ForwardAuthSettings, written: unknown): ForwardAuth {
    const key = keyOf("forward_auth", written)
    return this.services.take(ForwardAuth, key, () => new ForwardAuth(settings, this.clock))
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

/** A service is the same one while everything that is written about it stays the same. */
function keyOf(kind: string, written: unknown): string {
  return `${kind} ${JSON.stringify(written)}`
}
