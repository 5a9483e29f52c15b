/** A pool at work: what TLS with its backends takes, and the health checks of them. */
import type { SecureContext } from "node:tls"
import { formatAddress } from "./address.js"
import type { BackendAddress } from "./backend-address.js"
import { writeLocalProxyHeader } from "./client/proxy-protocol.js"
import type { TlsOptions } from "./net/dial.js"
import { probe } from "./net/probe.js"
import { readSecureContext } from "./net/secure-context.js"
import { type Log, logHealthChange, logUncheckable } from "./ops/log.js"
import type { Backend } from "./routing/backend.js"
import { HealthChecks } from "./routing/health-check.js"
import type { Pool } from "./routing/pool.js"
import type { HealthCheckSettings } from "./routing/pool-settings.js"

export class RunningPool {
  #context: SecureContext | undefined
  #checks: HealthChecks<Backend> | undefined
  #unwatch: (() => void) | undefined

  /** @param name what the log calls it */
  constructor(
    private readonly name: string,
    readonly pool: Pool,
    private readonly log: Log,
  ) {}

  /** How TLS is spoken with this backend; undefined: not at all. */
  tlsFor(backend: BackendAddress): TlsOptions | undefined {
    if (!backend.isTls) return undefined
    const { tls = {} } = this.pool.settings
    // One for all backends, made for the first: it takes some 10 ms.
    this.#context ??= readSecureContext(tls)
    return {
      context: this.#context,
      serverName: tls.server_name ?? nameOf(backend),
      isVerified: tls.insecure_skip_verify !== true,
    }
  }

  /** Begins to log what happens to the backends' health, and to check it. The first checks are not waited for. */
  start(): void {
    this.#unwatch = this.pool.onHealthChange((change) => logHealthChange(this.log, this.name, change))
    for (const backend of this.pool.members) this.tlsFor(backend)
    const { health_check } = this.pool.settings
    if (health_check !== undefined) this.#startChecks(health_check)
  }

  stop(): void {
    this.#checks?.stop()
    this.#unwatch?.()
  }

  #startChecks({ host = "", expect_status = [], timeout_ms, ...settings }: HealthCheckSettings): void {
    const { send_proxy_protocol: version } = this.pool.settings
    const check = { ...settings, host, expect_status: [expect_status].flat() }
    const preface = version && writeLocalProxyHeader(version)
    const checks = new HealthChecks(this.pool, settings, async (backend) => {
      const fault = await probe({ backend, check, tls: this.tlsFor(backend), preface }, timeout_ms)
      if (fault?.isLocal) logUncheckable(this.log, this.name, backend.name, fault.text)
      return fault
    })
    checks.start()
    this.#checks = checks
  }
}

function nameOf({ address }: BackendAddress): string {
  return address.kind === "tcp" ? address.host : formatAddress(address)
}
