/**
 * The data plane of several worker threads. Each has its own event loop and binds all addresses itself; the
 * system spreads the clients (SO_REUSEPORT).
 */
import { availableParallelism } from "node:os"
import { createDelayRow, LoopDelay } from "../metrics/loop-delay.js"
import type { Observer } from "../ops/observer.js"
import {
  type DataPlane,
  type LiveSessions,
  type NewListener,
  NoThread,
  type ServedPlan,
} from "./data-plane.js"
import { ThisThread } from "./this-thread.js"
import type { BoundAddresses } from "./worker-messages.js"
import { type Assignment, WorkerSlot } from "./worker-slot.js"
import { WorkersListener } from "./workers-listener.js"

/** How many threads serve: 1 = the main thread, "auto" = one for each core. */
export function workerCount(workers: number | "auto"): number {
  return workers === "auto" ? availableParallelism() : workers
}

/** @param isMetered whether the threads count for metrics */
export function dataPlane(workers: number, isMetered: boolean, observer: Observer): DataPlane {
  return workers === 1 ? new ThisThread(isMetered) : new Workers(workers, isMetered, observer)
}

export class Workers implements DataPlane {
  readonly runsChecks = true
  readonly servesHere = false
  readonly threads: readonly number[]
  readonly mainLoopDelay: Float64Array | undefined
  readonly #slots: readonly WorkerSlot[]
  #loopDelay: LoopDelay | undefined
  #prepared: Assignment | undefined
  #listeners = 0

  constructor(
    count: number,
    readonly isMetered: boolean,
    observer: Observer,
  ) {
    this.threads = Array.from({ length: count }, (_, worker) => worker)
    this.mainLoopDelay = isMetered ? new Float64Array(createDelayRow()) : undefined
    this.#slots = this.threads.map((worker) => new WorkerSlot(worker, observer))
  }

  /** Its key is new as well: it may be removed and added again while it drains. */
  newListener({ identity, settings, rows }: NewListener, observer: Observer): WorkersListener {
    if (settings.bind.kind === "unix") observer.servedByOneWorker(settings.name)
    this.#listeners++
    return new WorkersListener(`${this.#listeners} ${identity}`, settings, rows, {
      closed: async () => void (await Promise.all(this.#slots.map((slot) => slot.closed()))),
      drain: (...how) => this.#drain(...how),
    })
  }

  /** The first worker chooses the ports that are 0, and the others bind the same. */
  async prepare({ config, rows, listeners }: ServedPlan): Promise<void> {
    const own = listeners.flatMap(({ identity, running }) =>
      running instanceof WorkersListener ? [{ identity, running }] : [],
    )
    const keys = new Map(own.map(({ identity, running }) => [identity, running.key]))
    const bound = new Map(own.map(({ running: { key, address } }) => [key, address]))
    const assignment: Assignment = { config, memories: rows.memories, keys, bound }
    for (const slot of this.#slots) slot.open()
    let first: BoundAddresses | undefined
    const others: WorkerSlot[] = []
    for (const slot of this.#slots) {
      if (first === undefined) first = await slot.prepare(assignment)
      else others.push(slot)
    }
    if (first === undefined) throw new NoThread("no worker thread is running; try again")
    for (const { running } of own) {
      running.address = first.get(running.key) ?? running.address
      bound.set(running.key, running.address)
    }
    await Promise.all(others.map((slot) => slot.prepare(assignment)))
    this.#prepared = assignment
    if (this.mainLoopDelay !== undefined) this.#loopDelay ??= new LoopDelay(this.mainLoopDelay)
  }

  start(): void {
    const assignment = this.#prepared
    if (assignment === undefined) return
    for (const slot of this.#slots) slot.start(assignment)
  }

  /** The workers have the same shared memory, and so they know which backends are meant. */
  closeTunnels(): void {
    for (const slot of this.#slots) slot.closeTunnels()
  }

  /** Loaded lazily: without an admin server it takes no memory. */
  async liveSessions(): Promise<LiveSessions> {
    const { WorkersSessions } = await import("./workers-sessions.js")
    return new WorkersSessions(this.#slots)
  }

  forget(): void {}

  async stop(): Promise<void> {
    this.#loopDelay?.stop()
    await Promise.all(this.#slots.map((slot) => slot.stop()))
  }

  crash(worker: number): void {
    this.#slots[worker]?.crash()
  }

  async #drain(key: string, timeoutMs: number, delayMs: number): Promise<number> {
    const cuts = await Promise.all(this.#slots.map((slot) => slot.drain(key, timeoutMs, delayMs)))
    return cuts.reduce((sum, cut) => sum + cut, 0)
  }
}
