/** A pool at work for one proxy: what TLS with its backends takes, and the health checks of them. */
import type { SecureContext } from "node:tls"
import type { BackendAddress } from "../address/backend-address.js"
import type { TlsOptions } from "../net/dial.js"
import { readSecureContext } from "../net/secure-context.js"
import { type Log, logHealthChange } from "../ops/log.js"
import type { Pool } from "../pool/pool.js"
import { SettingError } from "../settings/setting-error.js"
import { type CheckUser, useChecks } from "./pool-checks.js"

export class RunningPool implements CheckUser {
  #context: SecureContext | undefined
  #leaveChecks: (() => void) | undefined
  #unwatch: (() => void) | undefined

  /** @param name what the log calls it */
  constructor(
    readonly name: string,
    readonly pool: Pool,
    readonly log: Log,
  ) {}

  /**
   * Reads the files of the pool's TLS settings, also when no backend speaks TLS yet: nothing is read later.
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

  /** How TLS is spoken with this backend; undefined: not at all. */
  tlsFor(backend: BackendAddress): TlsOptions | undefined {
    if (!backend.isTls) return undefined
    const { tls = {} } = this.pool.settings
    // One for all backends, made for the first: it takes some 10 ms. No file is read here, see `readFiles`.
    this.#context ??= readSecureContext(tls)
    return {
      context: this.#context,
      serverName: tls.server_name ?? backend.serverName,
      isVerified: tls.insecure_skip_verify !== true,
    }
  }

  /** Begins to log what happens to the backends' health, and to check it. The first checks are not waited for. */
  start(): void {
    this.#unwatch = this.pool.onHealthChange((change) => logHealthChange(this.log, this.name, change))
    for (const backend of this.pool.members) this.tlsFor(backend)
    this.#leaveChecks = useChecks(this)
  }

  /** Ends both. Checks that another proxy uses as well go on. */
  stop(): void {
    this.#leaveChecks?.()
    this.#unwatch?.()
  }
}
