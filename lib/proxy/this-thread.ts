/** The data plane of a proxy without worker threads. */
import { LoopDelay } from "../metrics/loop-delay.js"
import type { Observer } from "../ops/observer.js"
import type { Backend } from "../pool/backend.js"
import type { Clock } from "../shared/clock.js"
import type { DataPlane, NewListener, ServedListener, ServedPlan } from "./data-plane.js"
import { RunningListener } from "./running-listener.js"

export class ThisThread implements DataPlane {
  readonly runsChecks = true
  readonly threads = [0]
  readonly #listeners = new Set<RunningListener>()
  #loopDelay: LoopDelay | undefined

  constructor(readonly isMetered: boolean) {}

  newListener({ settings, rows }: NewListener, observer: Observer, clock: Clock): RunningListener {
    const listener = new RunningListener(settings, observer, rows, clock)
    this.#listeners.add(listener)
    return listener
  }

  closeTunnels(backend: Backend): void {
    for (const listener of this.#listeners) listener.closeTunnelsOf(backend)
  }

  forget(listener: ServedListener): void {
    if (listener instanceof RunningListener) this.#listeners.delete(listener)
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
