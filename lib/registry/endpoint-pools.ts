/** Pools of one backend each, for destinations that are not in the configuration. */
import type { BackendAddress } from "../address/backend-address.js"
import type { Permits } from "../address/destinations.js"
import type { TlsOptions } from "../net/dial.js"
import { readSecureContext } from "../net/secure-context.js"
import type { TlsSettings } from "../net/tls-settings.js"
import { Pool } from "../pool/pool.js"
import { UNOBSERVED } from "../pool/pool-observer.js"
import { PoolRuntime } from "../pool/pool-runtime.js"
import { SettingError } from "../settings/setting-error.js"
import { BoundedCache } from "../shared/bounded-cache.js"

type Context = TlsOptions["context"]

export class EndpointPools {
  readonly #pools: BoundedCache<PoolRuntime>
  #context: Context | undefined

  /**
   * @param name what logs and metrics call all of them
   * @param permits which addresses may be dialled
   * @param max how many are kept. One that is forgotten goes on for the sessions that have it
   */
  constructor(
    private readonly name: string,
    private readonly permits: Permits,
    private readonly tls: TlsSettings,
    max: number,
  ) {
    this.#pools = new BoundedCache(max)
  }

  /** Reads the files of the TLS settings, if there are any. Throws `SettingError`. */
  prepare(): void {
    if (Object.keys(this.tls).length === 0) return
    try {
      this.#context ??= readSecureContext(this.tls)
    } catch (error) {
      if (!(error instanceof SettingError)) throw error
      throw new SettingError(`${this.name}: tls: ${error.message}`, { cause: error })
    }
  }

  /** @param address as in `EndpointUrl` */
  poolOf(address: string): PoolRuntime {
    const known = this.#pools.get(address)
    if (known !== undefined) return known
    const pool = new Pool(address, { max_fails: 0, tls: this.tls })
    const runtime = new EndpointRuntime(this.name, pool, this.permits, () => this.#contextOf())
    this.#pools.set(address, runtime)
    return runtime
  }

  #contextOf(): Context {
    this.#context ??= readSecureContext(this.tls)
    return this.#context
  }
}

/** Shares one TLS context with all others: creating one takes some 10 ms. */
class EndpointRuntime extends PoolRuntime {
  constructor(
    name: string,
    pool: Pool,
    permits: Permits,
    private readonly contextOf: () => Context,
  ) {
    super(name, pool, UNOBSERVED, false, permits)
  }

  override tlsFor(backend: BackendAddress): TlsOptions | undefined {
    if (!backend.isTls) return undefined
    const { tls = {} } = this.pool.settings
    return {
      context: this.contextOf(),
      serverName: tls.server_name ?? backend.serverName,
      isVerified: tls.insecure_skip_verify !== true,
    }
  }
}
