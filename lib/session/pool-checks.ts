/** The health checks of a pool, which run once in a process, however many proxies the pool serves. */
import type { BackendAddress } from "../address/backend-address.js"
import { writeLocalProxyHeader } from "../forwarding/proxy-protocol.js"
import type { TlsOptions } from "../net/dial.js"
import { type Log, logCheckDefect, logUncheckable } from "../ops/log.js"
import type { Backend } from "../pool/backend.js"
import { HealthChecks } from "../pool/health-check.js"
import type { HealthCheckSettings } from "../pool/health-check-settings.js"
import type { Pool } from "../pool/pool.js"
import { type ProbeFault, type ProbeSettings, probe } from "../pool/probe.js"

/** A proxy's side of the checks: what it calls the pool, and where it logs. */
export interface CheckUser {
  readonly name: string
  readonly pool: Pool
  readonly log: Log
  tlsFor(backend: BackendAddress): TlsOptions | undefined
}

/** Each pool under check. Proxies of one process share a `Pool` object without knowing of each other. */
const CHECKS = new WeakMap<Pool, PoolChecks>()

/**
 * Starts the checks of the user's pool if it has `health_check` set and they don't run already. Returns what
 * ends the use; the checks stop with the last user.
 */
export function useChecks(user: CheckUser): () => void {
  const { pool } = user
  const { health_check } = pool.settings
  if (health_check === undefined) return () => {}
  const checks = CHECKS.get(pool) ?? new PoolChecks(user, health_check)
  CHECKS.set(pool, checks)
  return checks.add(user)
}

class PoolChecks {
  readonly #users = new Set<CheckUser>()
  readonly #pool: Pool
  readonly #schedule: HealthChecks<Backend>
  readonly #tlsFor: CheckUser["tlsFor"]
  readonly #check: ProbeSettings
  readonly #proxyHeader: Buffer | undefined
  readonly #timeoutMs: number

  /** @param first its TLS context is used for all users, since TLS settings belong to the pool */
  constructor(first: CheckUser, settings: HealthCheckSettings) {
    const { host = "", expect_status = [], timeout_ms, ...others } = settings
    const { send_proxy_protocol: version } = first.pool.settings
    this.#pool = first.pool
    this.#tlsFor = (backend) => first.tlsFor(backend)
    this.#check = { ...others, host, expect_status: [expect_status].flat() }
    this.#proxyHeader = version && writeLocalProxyHeader(version)
    this.#timeoutMs = timeout_ms
    this.#schedule = new HealthChecks(first.pool, settings, (backend, signal) => this.#probe(backend, signal))
  }

  /** The first user starts the checks. Returns what ends the use. */
  add(user: CheckUser): () => void {
    this.#users.add(user)
    if (this.#users.size === 1) this.#schedule.start()
    return () => {
      if (!this.#users.delete(user) || this.#users.size > 0) return
      this.#schedule.stop()
      CHECKS.delete(this.#pool)
    }
  }

  async #probe(backend: Backend, signal: AbortSignal): Promise<ProbeFault | undefined> {
    try {
      const target = {
        backend,
        check: this.#check,
        tls: this.#tlsFor(backend),
        proxyHeader: this.#proxyHeader,
      }
      const fault = await probe(target, this.#timeoutMs, signal)
      if (fault?.isLocal) {
        const { reason, text } = fault
        for (const { log, name } of this.#users) logUncheckable(log, name, backend.name, reason, text)
      }
      return fault
    } catch (error) {
      for (const { log, name } of this.#users) logCheckDefect(log, name, backend.name, error)
      return { text: "internal error", reason: "internal_error", isLocal: true }
    }
  }
}
