/** Makes the checks and the locator of each route: its own, and those of the program's hooks. */
import type { AccessCheck } from "../access/check.js"
import { ForwardAuth } from "../access/forward-auth.js"
import type { ForwardAuthSettings } from "../access/forward-auth-schema.js"
import { TokenCheck } from "../access/jwt.js"
import type { JwtSettings } from "../access/jwt-schema.js"
import type { Observer } from "../ops/observer.js"
import type { PoolRuntime } from "../pool/pool-runtime.js"
import type { EndpointKey } from "../registry/endpoint-key.js"
import type { Locator } from "../registry/locator.js"
import type { Registry } from "../registry/registry.js"
import type { Clock } from "../shared/clock.js"
import type { PlannedHooks } from "./hooks.js"
import { keyOf, type Services } from "./services.js"

/** What is asked about the requests of a route. */
export interface Guarded {
  readonly checks: readonly AccessCheck[]
  readonly locator: Locator | undefined
}

/** The rules of a route, or those of its listener where it has none. */
export interface GuardRules {
  readonly jwt?: JwtSettings | undefined
  readonly forward_auth?: ForwardAuthSettings | undefined
  /** The name of a `[registry.NAME]`, and how requests name their endpoint. */
  readonly registry?: string | undefined
  readonly registry_key?: EndpointKey | undefined
  readonly keep_key: boolean
}

/** The same rules as they are written. */
export type WrittenRules = { readonly [key in "jwt" | "forward_auth"]?: unknown }

export class Guards {
  constructor(
    private readonly registries: ReadonlyMap<string, Registry>,
    private readonly hooks: Pick<PlannedHooks, "checks" | "locatorOver">,
    private readonly services: Services,
    private readonly observer: Pick<Observer, "serviceFailed">,
    private readonly clock: Clock,
  ) {}

  /** @param ownPool the route's pool, if it has one */
  guard(rules: GuardRules, written: WrittenRules, ownPool: PoolRuntime | undefined): Guarded {
    const { jwt, forward_auth, registry = "", registry_key, keep_key } = rules
    const configured = registry_key && this.registries.get(registry)?.locator(registry_key, keep_key)
    const checks = [
      ...(jwt === undefined ? [] : [this.#tokenCheck(jwt, written.jwt)]),
      ...(forward_auth === undefined ? [] : [this.#forwardAuth(forward_auth, written.forward_auth)]),
      ...this.hooks.checks,
    ]
    return { checks, locator: this.hooks.locatorOver(configured, ownPool) }
  }

  #tokenCheck(settings: JwtSettings, written: unknown): TokenCheck {
    const { clock, observer } = this
    const onFailure = (message: string, error: unknown) => observer.serviceFailed("jwt", message, error)
    const create = () => new TokenCheck(settings, { clock, onFailure })
    // Files are read again by each reload.
    return this.services.take(TokenCheck, keyOf("jwt", written), create, {
      isKept: settings.jwks_url !== undefined,
    })
  }

  #forwardAuth(settings: ForwardAuthSettings, written: unknown): ForwardAuth {
    const key = keyOf("forward_auth", written)
    return this.services.take(ForwardAuth, key, () => new ForwardAuth(settings, this.clock))
  }
}
