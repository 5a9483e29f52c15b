/** The data plane of a proxy without worker threads. */
import { LoopDelay } from "../metrics/loop-delay.js"
import type { Attachment } from "../net/attachment.js"
import type { Observer } from "../ops/observer.js"
import type { Backend } from "../pool/backend.js"
import type { Clock } from "../shared/clock.js"
import type { DataPlane, LiveSessions, NewListener, ServedListener, ServedPlan } from "./data-plane.js"
import type { Pools } from "./pools.js"
import { RunningListener } from "./running-listener.js"

/** As `threadId` of node:worker_threads. */
const MAIN_THREAD = 0

export class ThisThread implements DataPlane {
  readonly runsChecks = true
  readonly servesHere = true
  readonly threads = [0]
  readonly #listeners = new Set<RunningListener>()
  #loopDelay: LoopDelay | undefined

  /** @param attachment what brings the clients of its one listener, in place of a bound address */
  constructor(
    readonly isMetered: boolean,
    private readonly attachment?: Attachment,
  ) {}

  get listeners(): ReadonlySet<RunningListener> {
    return this.#listeners
  }

  newListener({ settings, rows }: NewListener, observer: Observer, clock: Clock): RunningListener {
    const listener = new RunningListener(settings, observer, rows, clock, undefined, this.attachment)
    this.#listeners.add(listener)
    return listener
  }

  closeTunnels(backend: Backend): void {
    for (const listener of this.#listeners) listener.closeTunnelsOf(backend)
  }

  forget(listener: ServedListener): void {
    if (listener instanceof RunningListener) this.#listeners.delete(listener)
  }

  /** Loaded lazily: without an admin server it takes no memory. */
  async liveSessions(pools: () => Pools | undefined): Promise<LiveSessions> {
    const { SessionList } = await import("./session-list.js")
    return new SessionList(MAIN_THREAD, () => this.#listeners, pools)
  }

  async prepare({ loopDelays: [row] }: ServedPlan): Promise<void> {
    if (row !== undefined) this.#loopDelay ??= new LoopDelay(row)
  }

  start(): void {}

  async stop(): Promise<void> {
    this.#loopDelay?.stop()
  }

  crash(): void {}
}
