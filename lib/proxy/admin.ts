/** The admin server of a proxy: what it serves, and when it listens. Loaded only if `[admin] bind` is set. */
import { readFileSync, statSync } from "node:fs"
import { type Address, formatAddress } from "../address/address.js"
import { History } from "../admin/history.js"
import { adminRoutes } from "../admin/routes.js"
import { AdminServer } from "../admin/server.js"
import type { Settings } from "../config/schema.js"
import { ProcessCounts } from "../metrics/process-counts.js"
import { Metrics } from "../metrics/registry.js"
import type { Log } from "../ops/log.js"
import type { Observer } from "../ops/observer.js"
import { SettingError } from "../settings/setting-error.js"
import { ProxyAdmin } from "./admin-source.js"
import { ProxyMetrics } from "./metrics-source.js"
import type { CurrentPlan } from "./reload.js"

export interface AdminOptions {
  readonly log: Log
  /** Reads the configuration file and applies it; undefined if there is none. */
  readonly readAgain?: (() => Promise<string[]>) | undefined
  /** Whether another rws may listen there until it is told to drain. Default: no. */
  readonly replaces?: boolean | undefined
}

/** More would be no token. */
const MAX_TOKEN_BYTES = 4096
/** Between two attempts to bind the address of the rws that is replaced. */
const RETRY_MS = 250

export class Admin {
  readonly #history = new History()
  readonly #counts = new ProcessCounts()
  #server: AdminServer | undefined
  #address: Address | undefined
  #retry: NodeJS.Timeout | undefined
  /** The latest attempt that `#retry` began. Never rejects. */
  #opening: Promise<void> | undefined
  #isClosed = false

  /** What must be told what happens in the proxy. */
  get observers(): readonly Partial<Observer>[] {
    return [this.#history, this.#counts]
  }

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
    options: AdminOptions,
  ): Promise<void> {
    if (bind === undefined) return
    const { log, readAgain, replaces = false } = options
    const token = readToken(secret)
    const routes = adminRoutes({
      source: new ProxyAdmin(plan, this.#history, readAgain),
      history: this.#history,
      metrics: new Metrics(new ProxyMetrics(plan, this.#counts)),
      isReady: () => plan.isReady,
    })
    const onDefect = (err: unknown) => log.error({ err }, "an admin request failed")
    const open = async () => {
      const server = new AdminServer({ bind, token, onDefect, mayTakeOver: replaces }, routes)
      const address = await server.listen()
      if (this.#isClosed) return server.close()
      this.#server = server
      this.#address = address
      log.info({ bind: formatAddress(address) }, "admin server listening")
    }
    const reopen = () =>
      open().catch((err: unknown) => {
        if (isTaken(err)) openLater()
        else log.error({ err }, "the admin server can't listen")
      })
    const openLater = () => {
      if (this.#isClosed) return
      this.#retry = setTimeout(() => {
        this.#opening = reopen()
      }, RETRY_MS).unref()
    }
    try {
      await open()
    } catch (error) {
      if (!replaces || !isTaken(error)) throw error
      log.info(
        { bind: formatAddress(bind) },
        "the admin server waits for the address of the rws that is replaced",
      )
      openLater()
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#retry)
    await this.#opening
    this.#history.events.end()
    // The end of the drain is written before the connections are closed.
    await new Promise((resolve) => setImmediate(resolve))
    await this.#server?.close()
    this.#address = undefined
  }
}

function isTaken(error: unknown): boolean {
  const { code } = ((error as Error).cause ?? {}) as NodeJS.ErrnoException
  return code === "EADDRINUSE"
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
