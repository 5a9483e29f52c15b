/** Applies the configuration file to a running proxy: at SIGHUP, and when `watch` sees a change. */
import { BindError, type Config, ConfigError, type RunningProxy, SettingError } from "../lib/index.js"
import type { Log } from "../lib/ops/log.js"

/** What asked for a reload. */
export type ReloadCause = "SIGHUP" | "watch"

type Reloadable = Pick<RunningProxy, "reload" | "addresses">

export interface ReloadSteps {
  /** Reads and checks the configuration again. */
  read(): Promise<Config>
  onBegin(): void
  /** The proxy goes by the new configuration, and has logged what it changes. */
  onReloaded(config: Config): void
  /** Also after a reload that was refused. Not called once the proxy drains. */
  onEnd(proxy: Reloadable): void
}

/** One reload at a time; requests that arrive meanwhile lead to one more. */
export class Reloader {
  #next: ReloadCause | undefined
  #isRunning = false
  #isStopped = false

  constructor(
    private readonly starting: Promise<Reloadable>,
    private readonly steps: ReloadSteps,
    private readonly log: Log,
  ) {}

  request(cause: ReloadCause): void {
    this.#next = cause
    if (!this.#isRunning) void this.#run()
  }

  /** A reload that has not reached the proxy yet is abandoned. */
  stop(): void {
    this.#isStopped = true
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    const proxy = await this.starting.catch(() => undefined)
    while (proxy !== undefined && this.#next !== undefined && !this.#isStopped) {
      const cause = this.#next
      this.#next = undefined
      this.steps.onBegin()
      await this.#reload(proxy).catch((error: unknown) => this.#report(cause, error))
      if (!this.#isStopped) this.steps.onEnd(proxy)
    }
    this.#isRunning = false
  }

  async #reload(proxy: Reloadable): Promise<void> {
    const config = await this.steps.read()
    if (this.#isStopped) return
    await proxy.reload(config)
    this.steps.onReloaded(config)
  }

  #report(cause: ReloadCause, error: unknown): void {
    if (this.#isStopped) {
      this.log.info({ cause }, "reload abandoned: rws is draining")
      return
    }
    const isExpected = [ConfigError, SettingError, BindError].some((kind) => error instanceof kind)
    const fields = isExpected ? { problems: (error as Error).message.split("\n") } : { err: error }
    this.log.error({ cause, ...fields }, "reload refused: the running configuration stays")
  }
}
