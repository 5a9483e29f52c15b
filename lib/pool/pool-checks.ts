/** The health checks of a pool. They run once per process, however many proxies the pool serves. */
import type { BackendAddress } from "../address/backend-address.js"
import { writeLocalProxyHeader } from "../forwarding/proxy-protocol.js"
import type { TlsOptions } from "../net/dial.js"
import type { LocalAddresses } from "../net/local-addresses.js"
import type { Backend } from "./backend.js"
import { HealthChecks } from "./health-check.js"
import type { HealthCheckSettings } from "./health-check-settings.js"
import type { Pool } from "./pool.js"
import type { PoolObserver } from "./pool-observer.js"
import { type ProbeFault, type ProbeSettings, probe } from "./probe.js"

/** One proxy's use of a pool: where the checks report to, and how TLS is spoken. */
export interface CheckUser {
  readonly pool: Pool
  readonly observer: PoolObserver
  /** Where the backends are dialled from. Absent: the system chooses. */
  readonly from?: LocalAddresses | undefined
  tlsFor(backend: BackendAddress): TlsOptions | undefined
}

/** Each pool under check. Proxies of one process may share a `Pool` object without knowing of each other. */
const CHECKS = new WeakMap<Pool, PoolChecks>()

/**
 * Starts the checks of the user's pool if it has `health_check` set and they do not run yet. Returns a
 * function that ends this use; the checks stop with the last user.
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
  readonly #schedule: HealthChecks<Backend>
  readonly #check: ProbeSettings
  readonly #proxyHeader: Buffer | undefined
  readonly #timeoutMs: number

  /** @param first dials for all users, since TLS settings and local addresses belong to the pool */
  constructor(
    private readonly first: CheckUser,
    settings: HealthCheckSettings,
  ) {
    const { host = "", expect_status = [], timeout_ms, ...others } = settings
    const { send_proxy_protocol: version } = first.pool.settings
    this.#check = { ...others, host, expect_status: [expect_status].flat() }
    this.#proxyHeader = version && writeLocalProxyHeader(version)
    this.#timeoutMs = timeout_ms
    const check = (backend: Backend, signal: AbortSignal) => this.#probe(backend, signal)
    this.#schedule = new HealthChecks(first.pool, settings, check, first.pool.clock)
  }

  /** The first user starts the checks. Returns a function that ends this use. */
  add(user: CheckUser): () => void {
    this.#users.add(user)
    if (this.#users.size === 1) this.#schedule.start()
    return () => {
      if (!this.#users.delete(user) || this.#users.size > 0) return
      this.#schedule.stop()
      CHECKS.delete(this.first.pool)
    }
  }

  async #probe(backend: Backend, signal: AbortSignal): Promise<ProbeFault | undefined> {
    const { first } = this
    try {
      const target = {
        backend,
        check: this.#check,
        tls: first.tlsFor(backend),
        proxyHeader: this.#proxyHeader,
        from: first.from,
      }
      const fault = await probe(target, this.#timeoutMs, first.pool.clock, signal)
      if (fault?.isLocal) for (const { observer } of this.#users) observer.onUncheckable(backend.name, fault)
      return fault
    } catch (error) {
      for (const { observer } of this.#users) observer.onCheckDefect(backend.name, error)
      return { text: "internal error", reason: "internal_error", isLocal: true }
    }
  }
}
