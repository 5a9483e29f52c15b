/** Makes the checks and the locator of each route, from its rules and the program's hooks. */
import { type Authorize, AuthorizeHook } from "../access/authorize-hook.js"
import type { AccessCheck } from "../access/check.js"
import { ForwardAuth } from "../access/forward-auth.js"
import type { ForwardAuthSettings } from "../access/forward-auth-schema.js"
import type { HookTiming } from "../access/hook.js"
import { TokenCheck } from "../access/jwt.js"
import type { JwtSettings } from "../access/jwt-schema.js"
import { type Permits, parseDestinations } from "../address/destinations.js"
import { ConfigError } from "../config/problem.js"
import { ClientTable } from "../limits/client-table.js"
import type { Observer } from "../ops/observer.js"
import type { Pool } from "../pool/pool.js"
import type { PoolRuntime } from "../pool/pool-runtime.js"
import type { EndpointKey } from "../registry/endpoint-key.js"
import { EndpointPools } from "../registry/endpoint-pools.js"
import { type Locate, LocateHook, type Places } from "../registry/locate-hook.js"
import type { Locator } from "../registry/locator.js"
import { Registry } from "../registry/registry.js"
import type { RegistrySettings } from "../registry/registry-schema.js"
import { SettingError } from "../settings/setting-error.js"
import type { Clock } from "../shared/clock.js"
import type { Rows } from "../shared/rows.js"
import { tableIdentity } from "./listener-rows.js"
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
/** How many URLs of a `locate` hook are remembered. */
const MAX_URLS = 1000

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

/** A registry of the configuration. */
export interface ConfiguredRegistry {
  readonly settings: RegistrySettings
  readonly written: unknown
}

export class Guards implements Places {
  readonly #timing: HookTiming
  readonly #authorize: readonly AccessCheck[]
  readonly #ownUrls: EndpointPools
  readonly #registries: ReadonlyMap<string, Registry>

  /**
   * @param registries those of the configuration, by name
   * @throws {ConfigError} if `allowDestinations` is not valid
   */
  constructor(
    private readonly hooks: Hooks,
    registries: ReadonlyMap<string, ConfiguredRegistry>,
    rows: Rows,
    private readonly pools: Pick<Pools, "named" | "runtimeFor">,
    private readonly services: Services,
    private readonly observer: Pick<Observer, "serviceFailed">,
    private readonly clock: Clock,
  ) {
    const { authorize, hookTimeoutMs: timeoutMs = HOOK_TIMEOUT_MS } = hooks
    this.#timing = { timeoutMs, clock }
    this.#authorize = authorize === undefined ? [] : [new AuthorizeHook(authorize, this.#timing)]
    this.#ownUrls = new EndpointPools("locate", permitsOf(hooks), {}, MAX_URLS)
    this.#registries = new Map(
      [...registries].map(([name, registry]) => [name, this.#registryOf(name, registry, rows)]),
    )
  }

  /** @param ownPool the route's pool, if it has one */
  guard(rules: GuardRules, written: WrittenRules, ownPool: PoolRuntime | undefined): Guarded {
    const { jwt, forward_auth, registry = "", registry_key, keep_key } = rules
    const { locate } = this.hooks
    const found = this.#registries.get(registry)
    const configured = registry_key && found?.locator(registry_key, keep_key)
    const locator = locate ? new LocateHook(locate, this.#timing, this, configured, ownPool) : configured
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

  endpointAt(address: string): PoolRuntime {
    return this.#ownUrls.poolOf(address)
  }

  /** The counts of its endpoints outlive its settings. */
  #registryOf(name: string, { settings, written }: ConfiguredRegistry, rows: Rows): Registry {
    const identity = `registry ${JSON.stringify(name)}`
    const counts = tableIdentity(identity)
    const memory = rows.memory(counts, () => ClientTable.createMemory())
    const table = new ClientTable(memory, rows.held(counts))
    const { clock, observer } = this
    const onFault = (error: Error) => observer.serviceFailed(`registry ${name}`, error.message, error.cause)
    return this.services.take(
      Registry,
      keyOf(identity, written),
      () => new Registry(name, settings, { table, clock, onFault }),
    )
  }
}

/** A service is the same one while everything that is written about it stays the same. */
function keyOf(kind: string, written: unknown): string {
  return `${kind} ${JSON.stringify(written)}`
}

function permitsOf({ allowDestinations = [] }: Hooks): Permits {
  try {
    return parseDestinations(allowDestinations)
  } catch (error) {
    if (!(error instanceof SettingError)) throw error
    throw new ConfigError("options", [{ path: ["allowDestinations"], message: error.message }])
  }
}
