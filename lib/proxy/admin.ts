/** The admin server of a proxy: what it serves, and when it listens. Loaded only if `[admin] bind` is set. */
import { readFileSync, statSync } from "node:fs"
import { type Address, formatAddress } from "../address/address.js"
import { healthRoutes } from "../admin/health-routes.js"
import { metricsRoute } from "../admin/metrics-route.js"
import type { AdminRoute } from "../admin/route.js"
import { AdminServer } from "../admin/server.js"
import type { Settings } from "../config/schema.js"
import { ProcessCounts } from "../metrics/process-counts.js"
import { Metrics } from "../metrics/registry.js"
import type { Log } from "../ops/log.js"
import { SettingError } from "../settings/setting-error.js"
import { ProxyMetrics } from "./metrics-source.js"
import type { CurrentPlan } from "./reload.js"

/** More would be no token. */
const MAX_TOKEN_BYTES = 4096

export class Admin {
  readonly counts = new ProcessCounts()
  #server: AdminServer | undefined
  #address: Address | undefined

  /** The bound address, while it listens. */
  get address(): Address | undefined {
    return this.#address
  }

  /**
   * @throws {SettingError} when the token can't be read
   * @throws {BindError}
   */
  async listen(
    { bind, ...secret }: Settings["admin"],
    plan: CurrentPlan,
    { log }: { readonly log: Log },
  ): Promise<void> {
    if (bind === undefined) return
    const routes: readonly AdminRoute[] = [
      ...healthRoutes(() => plan.isReady),
      metricsRoute(new Metrics(new ProxyMetrics(plan, this.counts))),
    ]
    const onDefect = (err: unknown) => log.error({ err }, "an admin request failed")
    this.#server = new AdminServer({ bind, token: readToken(secret), onDefect }, routes)
    this.#address = await this.#server.listen()
    log.info({ bind: formatAddress(this.#address) }, "admin server listening")
  }

  async close(): Promise<void> {
    await this.#server?.close()
    this.#address = undefined
  }
}

function readToken({ token, token_file: file }: Omit<Settings["admin"], "bind">): string | undefined {
  if (file === undefined) return token
  let text: string
  try {
    if (!statSync(file).isFile()) throw new Error("it is not a regular file")
    text = readFileSync(file, "latin1")
      .slice(0, MAX_TOKEN_BYTES + 1)
      .trim()
  } catch (error) {
    throw new SettingError(`admin.token_file: ${file} can't be read: ${(error as Error).message}`)
  }
  if (/^[\x21-\x7e]{16,4096}$/.test(text)) return text
  throw new SettingError(`admin.token_file: expected a token of at least 16 characters in ${file}`)
}
