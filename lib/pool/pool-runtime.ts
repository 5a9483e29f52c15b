/**
 * A pool at work for one proxy: TLS with its backends, and their health checks. A reload keeps it and gives
 * its pool other settings.
 */
import type { SecureContext } from "node:tls"
import { isDeepStrictEqual } from "node:util"
import type { BackendAddress } from "../address/backend-address.js"
import type { Permits } from "../address/destinations.js"
import type { TlsOptions } from "../net/dial.js"
import { LocalAddresses } from "../net/local-addresses.js"
import { readSecureContext } from "../net/secure-context.js"
import type { TlsSettings } from "../net/tls-settings.js"
import { SettingError } from "../settings/setting-error.js"
import type { Pool } from "./pool.js"
import { type CheckUser, useChecks } from "./pool-checks.js"
import type { PoolObserver } from "./pool-observer.js"

export class PoolRuntime implements CheckUser {
  #from: LocalAddresses | undefined
  #context: SecureContext | undefined
  #endChecks: (() => void) | undefined
  #endWatch: (() => void) | undefined

  /**
   * @param name what errors and logs call it
   * @param runsChecks whether it runs the health checks. Default: yes
   */
  constructor(
    public name: string,
    readonly pool: Pool,
    readonly observer: PoolObserver,
    private readonly runsChecks = true,
    /** Which addresses may be dialled. Undefined: all. */
    readonly permits?: Permits,
  ) {
    this.#from = localAddressesOf(pool)
  }

  /** Where the backends are dialled from; undefined = the system chooses. */
  get from(): LocalAddresses | undefined {
    return this.#from
  }

  /** How TLS is spoken with this backend; undefined if it is not. */
  tlsFor(backend: BackendAddress): TlsOptions | undefined {
    if (!backend.isTls) return undefined
    const { tls = {} } = this.pool.settings
    // One context for all backends, created lazily: it takes some 10 ms. Its files were read by `prepare`.
    this.#context ??= readSecureContext(tls)
    return {
      context: this.#context,
      serverName: tls.server_name ?? backend.serverName,
      isVerified: tls.insecure_skip_verify !== true,
    }
  }

  /**
   * Prepares a configuration: reads the files of its TLS settings, even if no backend speaks TLS yet, since
   * no file is read later. Returns a function that puts it in place. From the first one on the pool reports
   * what happens to it and runs health checks; checks whose settings stay the same are not restarted.
   * @param next the pool by that configuration, with the rows of this one, or this one
   * @throws {SettingError}
   */
  prepare(name: string, next: Pool): () => void {
    const context = this.#contextFor(name, next)
    return () => {
      const before = checkKeysOf(this.pool)
      this.name = name
      this.#context = context
      this.#watch()
      if (next !== this.pool) this.pool.adopt(next)
      this.#from = localAddressesOf(this.pool)
      if (!this.runsChecks) return
      if (this.#endChecks !== undefined && isDeepStrictEqual(checkKeysOf(this.pool), before)) return
      this.#endChecks?.()
      this.#endChecks = useChecks(this)
    }
  }

  /** Stops what it runs. Checks that another proxy uses as well go on. */
  stop(): void {
    this.#endChecks?.()
    this.#endWatch?.()
  }

  #watch(): void {
    if (this.#endWatch !== undefined) return
    const endings = [
      this.pool.onHealthChange((change) => this.observer.onHealthChange(change)),
      this.pool.onCloseTunnels((backend) => this.observer.onCloseTunnels(backend)),
    ]
    this.#endWatch = () => {
      for (const end of endings) end()
    }
  }

  #contextFor(name: string, { settings: { tls }, members }: Pool): SecureContext | undefined {
    if (tls !== undefined) return readContext(name, tls)
    const shared = this.pool.settings.tls === undefined ? this.#context : undefined
    return shared ?? (members.some(({ isTls }) => isTls) ? readSecureContext({}) : undefined)
  }
}

function localAddressesOf({ settings: { local_addresses } }: Pool): LocalAddresses | undefined {
  return local_addresses && new LocalAddresses(local_addresses)
}

/** What the checks read when they start. */
function checkKeysOf({ settings: { health_check, send_proxy_protocol } }: Pool): unknown {
  return { health_check, send_proxy_protocol }
}

function readContext(name: string, tls: TlsSettings): SecureContext {
  try {
    return readSecureContext(tls)
  } catch (error) {
    if (!(error instanceof SettingError)) throw error
    throw new SettingError(`pool ${name}: tls: ${error.message}`, { cause: error })
  }
}
