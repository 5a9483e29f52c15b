/** A pool at work for one proxy: TLS with its backends, and their health checks. */
import type { SecureContext } from "node:tls"
import type { BackendAddress } from "../address/backend-address.js"
import type { TlsOptions } from "../net/dial.js"
import { readSecureContext } from "../net/secure-context.js"
import { SettingError } from "../settings/setting-error.js"
import type { Pool } from "./pool.js"
import { type CheckUser, useChecks } from "./pool-checks.js"
import type { PoolObserver } from "./pool-observer.js"

export class PoolRuntime implements CheckUser {
  #context: SecureContext | undefined
  #endChecks: (() => void) | undefined
  #endWatch: (() => void) | undefined

  /** @param name what errors and logs call it */
  constructor(
    readonly name: string,
    readonly pool: Pool,
    readonly observer: PoolObserver,
  ) {}

  /**
   * Reads the files of the pool's TLS settings, even if no backend speaks TLS yet: no file is read later.
   * @throws {SettingError}
   */
  readFiles(): void {
    const { tls } = this.pool.settings
    if (tls === undefined) return
    try {
      this.#context = readSecureContext(tls)
    } catch (error) {
      if (!(error instanceof SettingError)) throw error
      throw new SettingError(`pool ${this.name}: tls: ${error.message}`, { cause: error })
    }
  }

  /** How TLS is spoken with this backend; undefined if it is not. */
  tlsFor(backend: BackendAddress): TlsOptions | undefined {
    if (!backend.isTls) return undefined
    const { tls = {} } = this.pool.settings
    // One context for all backends, created lazily: it takes some 10 ms. Its files were read by `readFiles`.
    this.#context ??= readSecureContext(tls)
    return {
      context: this.#context,
      serverName: tls.server_name ?? backend.serverName,
      isVerified: tls.insecure_skip_verify !== true,
    }
  }

  /** Starts to report health changes, and to run health checks. Does not wait for the first ones. */
  start(): void {
    this.#endWatch = this.pool.onHealthChange((change) => this.observer.onHealthChange(change))
    for (const backend of this.pool.members) this.tlsFor(backend)
    this.#endChecks = useChecks(this)
  }

  /** Stops both. Checks that another proxy uses as well go on. */
  stop(): void {
    this.#endChecks?.()
    this.#endWatch?.()
  }
}
