/** The place of one worker thread. A thread that dies gives back what it held and is replaced by another. */
import { SOCKETS } from "../limits/descriptors.js"
import type { Observer } from "../ops/observer.js"
import { systemClock, type Timer } from "../shared/clock.js"
import { HeldRows } from "../shared/held-rows.js"
import { unlockTables } from "./listener-rows.js"
import type { BoundAddresses, CommandName, Commands, PostedPlan } from "./worker-messages.js"
import { ThreadEnded, WorkerThread } from "./worker-thread.js"

/** What all workers serve. */
export type Assignment = Omit<PostedPlan, "held">

/** Threads that die one after the other are replaced at longer and longer intervals. */
const FIRST_DELAY_MS = 100
const MAX_DELAY_MS = 30_000
/** A thread that has lived for so long begins at the shortest interval again. */
const LONG_LIFE_MS = 60_000

export class WorkerSlot {
  readonly #held = new HeldRows()
  #thread: WorkerThread | undefined
  /** What it serves, once it has started. */
  #assigned: Assignment | undefined
  /** What the thread has been given last. */
  #prepared: Assignment | undefined
  /** Whether the thread is still being brought to what is assigned. */
  #isReplacing = false
  /** Listeners that drain, with the number of tunnels that were cut. */
  readonly #drained = new Map<string, number>()
  #isStopping = false
  #deaths = 0
  /** Of the last thread that has ended. */
  #error: Error | undefined
  /** Until the next thread is created. */
  #timer: Timer | undefined

  constructor(
    private readonly worker: number,
    private readonly observer: Observer,
  ) {}

  /** With which the ids of its sessions begin; undefined while there is no thread. */
  get threadId(): number | undefined {
    return this.#thread?.id
  }

  /** Creates the thread if there has been none yet. */
  open(): void {
    if (this.#assigned === undefined) this.#thread ??= this.#newThread()
  }

  /**
   * Resolves to where its listeners are bound, or to undefined if there is no thread at present: the one that
   * comes gets the assignment then. Rejects as `Plan.prepare` does, and before the first start also if the
   * thread dies.
   */
  async prepare(assignment: Assignment): Promise<BoundAddresses | undefined> {
    if (this.#thread === undefined && this.#assigned === undefined) {
      throw new ThreadEnded(`worker thread ${this.worker} has ended: ${this.#error?.message}`)
    }
    if (this.#thread === undefined || this.#isReplacing) return undefined
    try {
      return await this.#give(this.#thread, assignment)
    } catch (error) {
      if (error instanceof ThreadEnded && this.#assigned !== undefined) return undefined
      throw error
    }
  }

  /** Serves the assignment from now on, also with threads to come. */
  start(assignment: Assignment): void {
    this.#assigned = assignment
    this.#drained.clear()
    // It has died before there was anything to serve.
    if (this.#thread === undefined && this.#timer === undefined) this.#replaceAfter(FIRST_DELAY_MS)
    if (this.#thread === undefined || this.#isReplacing) return
    if (this.#prepared === assignment) this.#begin(this.#thread, assignment)
    else void this.#catchUp(this.#thread)
  }

  /**
   * Resolves when the thread has no session of this listener any more, to the number of tunnels that were
   * cut.
   */
  async drain(key: string, timeoutMs: number, delayMs: number): Promise<number> {
    const cutSoFar = () => this.#drained.get(key) ?? 0
    this.#drained.set(key, cutSoFar())
    try {
      const cut = (await this.#thread?.ask("drain", { key, timeoutMs, delayMs })) ?? 0
      // A worker that has drained says 0 when it is asked again.
      this.#drained.set(key, Math.max(cutSoFar(), cut))
    } catch (error) {
      // Its sessions have died with it.
      if (!(error instanceof ThreadEnded)) throw error
    }
    return cutSoFar()
  }

  /** Resolves once the listeners that drain have given up their addresses. */
  async closed(): Promise<void> {
    // The sockets of a thread that dies are closed as well.
    await this.#thread?.ask("closed", undefined).catch(() => {})
  }

  closeTunnels(): void {
    // A thread that dies meanwhile takes its tunnels with it.
    this.#thread?.ask("closeTunnels", undefined).catch(() => {})
  }

  /** Resolves to undefined if there is no thread, or if it dies meanwhile. */
  async ask<Name extends CommandName>(
    name: Name,
    asked: Commands[Name]["asked"],
  ): Promise<Commands[Name]["reply"] | undefined> {
    try {
      return await this.#thread?.ask(name, asked)
    } catch (error) {
      if (error instanceof ThreadEnded) return undefined
      throw error
    }
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    this.#timer?.cancel()
    await this.#thread?.terminate()
  }

  /** For tests. */
  crash(): void {
    this.#thread?.ask("crash", undefined).catch(() => {})
  }

  #newThread(): WorkerThread {
    const thread: WorkerThread = new WorkerThread(this.worker, this.observer, (error) =>
      this.#onEnd(thread, error),
    )
    return thread
  }

  async #give(thread: WorkerThread, assignment: Assignment): Promise<BoundAddresses> {
    const held = this.#held.for(assignment.memories)
    const bound = await thread.ask("prepare", { ...assignment, held })
    this.#prepared = assignment
    return bound
  }

  #begin(thread: WorkerThread, { memories }: Assignment): void {
    this.#held.keepOnly(memories)
    thread.ask("start", undefined).catch((error: Error) => thread.end(error))
  }

  #onEnd(thread: WorkerThread, error: Error): void {
    const sessions = this.#countSessions()
    this.#error = error
    this.#held.giveBack()
    const memories = (this.#assigned ?? this.#prepared)?.memories ?? new Map()
    unlockTables(memories, thread.id)
    this.#thread = undefined
    this.#prepared = undefined
    if (this.#isStopping || this.#assigned === undefined) return
    this.observer.workerEnded(this.worker, error, sessions)
    this.#deaths = performance.now() - thread.startedMs > LONG_LIFE_MS ? 0 : this.#deaths + 1
    this.#replaceAfter(Math.min(FIRST_DELAY_MS * 2 ** Math.max(0, this.#deaths - 1), MAX_DELAY_MS))
  }

  #replaceAfter(delayMs: number): void {
    this.#timer = systemClock.after(delayMs, () => {
      this.#timer = undefined
      if (this.#isClosing) return
      this.#thread = this.#newThread()
      void this.#catchUp(this.#thread).then((isUp) => isUp && this.observer.workerReplaced(this.worker))
    })
  }

  /** All listeners drain, so a new thread would have nothing to do. */
  get #isClosing(): boolean {
    const keys = [...(this.#assigned?.keys.values() ?? [])]
    return keys.every((key) => this.#drained.has(key))
  }

  /**
   * Brings a thread to what is assigned. Resolves to whether it serves that; else it is ended, and so
   * replaced.
   */
  async #catchUp(thread: WorkerThread): Promise<boolean> {
    this.#isReplacing = true
    try {
      while (this.#assigned !== undefined && this.#prepared !== this.#assigned) {
        const assignment = this.#assigned
        await this.#give(thread, assignment)
        this.#begin(thread, assignment)
      }
      return true
    } catch (error) {
      thread.end(error instanceof Error ? error : new Error(String(error)))
      return false
    } finally {
      this.#isReplacing = false
    }
  }

  #countSessions(): number {
    const memory = this.#assigned?.memories.get(SOCKETS)
    return memory === undefined ? 0 : this.#held.count(memory)
  }
}
