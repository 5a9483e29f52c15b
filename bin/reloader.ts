/** Applies the configuration file to a running proxy: at SIGHUP, and when `watch` sees a change. */
import { problemsIn } from "../lib/config/refused-config.js"
import type { Config, RunningProxy } from "../lib/index.js"
import type { Log } from "../lib/ops/log.js"

/** What asked for a reload. */
export type ReloadCause = "SIGHUP" | "watch" | "admin"

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

/** The reload has been abandoned. */
const DRAINING = new Error("rws is draining")

/** One reload that has been asked for, perhaps several times. */
class Request {
  resolve: (outcome: string[] | Promise<string[]>) => void = () => {}
  /** What has changed. Rejects if the reload is refused. */
  readonly outcome = new Promise<string[]>((resolve) => {
    this.resolve = resolve
  })

  constructor(readonly cause: ReloadCause) {
    // A refusal is logged. Not everybody who asks waits for it.
    this.outcome.catch(() => {})
  }
}

/** One reload at a time; requests that arrive meanwhile lead to one more. */
export class Reloader {
  #next: Request | undefined
  #isRunning = false
  #isStopped = false

  constructor(
    private readonly starting: Promise<Reloadable>,
    private readonly steps: ReloadSteps,
    private readonly log: Log,
  ) {}

  /** Resolves to what has changed, in words. Rejects if the reload is refused; that has been logged. */
  request(cause: ReloadCause): Promise<string[]> {
    this.#next ??= new Request(cause)
    const { outcome } = this.#next
    if (!this.#isRunning) void this.#run()
    return outcome
  }

  /** A reload that has not reached the proxy yet is abandoned. */
  stop(): void {
    this.#isStopped = true
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    const proxy = await this.starting.catch(() => undefined)
    while (proxy !== undefined && this.#next !== undefined && !this.#isStopped) {
      const { cause, resolve } = this.#next
      this.#next = undefined
      this.steps.onBegin()
      const reloaded = this.#reload(proxy)
      await reloaded.catch((error: unknown) => error === DRAINING || this.#report(cause, error))
      if (!this.#isStopped) this.steps.onEnd(proxy)
      resolve(reloaded)
    }
    this.#next?.resolve(Promise.reject(DRAINING))
    this.#isRunning = false
  }

  async #reload(proxy: Reloadable): Promise<string[]> {
    const config = await this.steps.read()
    if (this.#isStopped) throw DRAINING
    const changes = await proxy.reload(config)
    this.steps.onReloaded(config)
    return changes
  }

  #report(cause: ReloadCause, error: unknown): void {
    if (this.#isStopped) {
      this.log.info({ cause }, "reload abandoned: rws is draining")
      return
    }
    const problems = problemsIn(error)
    const fields = problems === undefined ? { err: error } : { problems }
    this.log.error({ cause, ...fields }, "reload refused: the running configuration stays")
  }
}
