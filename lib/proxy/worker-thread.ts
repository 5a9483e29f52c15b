/** One worker thread, as the main thread sees it: it is asked, replies, and may die at any time. */
import { Worker } from "node:worker_threads"
import { BindError } from "../net/listener.js"
import type { Observer } from "../ops/observer.js"
import { decode, repeatCalls } from "../ops/observer-calls.js"
import { SettingError } from "../settings/setting-error.js"
import type { Command, CommandName, Commands, WorkerData, WorkerMessage } from "./worker-messages.js"

/** The thread has ended before it could reply. */
export class ThreadEnded extends Error {
  override readonly name = "ThreadEnded"
}

interface Waiting {
  resolve(value: unknown): void
  reject(error: Error): void
}

export class WorkerThread {
  readonly #thread: Worker
  /** Its id while it lives: locks and the ids of sessions name it. */
  readonly id: number
  readonly startedMs = performance.now()
  readonly #waiting = new Map<number, Waiting>()
  #lastId = 0
  #error: Error | undefined
  #hasEnded = false

  /**
   * @param onEnd called once the thread and all its sockets are gone; with the error if it ended by itself
   */
  constructor(
    worker: number,
    private readonly observer: Observer,
    private readonly onEnd: (error: Error) => void,
  ) {
    const data: WorkerData = { worker }
    const name = `rws worker ${worker}`
    this.#thread = new Worker(new URL("./worker.js", import.meta.url), { workerData: data, name })
    this.id = this.#thread.threadId
    this.#thread.on("message", (message: WorkerMessage) => this.#receive(message))
    this.#thread.on("error", (error) => {
      this.#error ??= error instanceof Error ? error : new Error(String(error))
    })
    this.#thread.on("exit", (code) => this.#end(this.#error ?? new Error(`exit code ${code}`)))
  }

  /** Rejects with a `ThreadEnded` if the thread dies before it replies. */
  ask<Name extends CommandName>(
    name: Name,
    asked: Commands[Name]["asked"],
  ): Promise<Commands[Name]["reply"]> {
    return new Promise((resolve, reject) => {
      if (this.#hasEnded) {
        reject(new ThreadEnded("the worker thread has ended"))
        return
      }
      const id = ++this.#lastId
      this.#waiting.set(id, { resolve: (value) => resolve(value as Commands[Name]["reply"]), reject })
      this.#thread.postMessage({ id, name, asked } satisfies Command<Name>)
    })
  }

  /** Ends the thread because of this error. */
  end(error: Error): void {
    this.#error ??= error
    void this.#thread.terminate()
  }

  /** Resolves once the thread is gone. */
  async terminate(): Promise<void> {
    await this.#thread.terminate()
  }

  #receive(message: WorkerMessage): void {
    if (message.kind === "calls") {
      repeatCalls(message.calls, this.observer)
      return
    }
    const waiting = this.#waiting.get(message.id)
    this.#waiting.delete(message.id)
    if (message.kind === "reply") waiting?.resolve(message.value)
    else waiting?.reject(toKnownError(decode(message.error)))
  }

  #end(error: Error): void {
    this.#hasEnded = true
    this.onEnd(error)
    const ended = new ThreadEnded(`the worker thread has ended: ${error.message}`, { cause: error })
    for (const { reject } of this.#waiting.values()) reject(ended)
    this.#waiting.clear()
  }
}

/** Errors that callers tell by their class. */
function toKnownError(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error))
  const { name, message, cause } = error
  if (name === "BindError") return new BindError(message, { cause })
  if (name === "SettingError") return new SettingError(message, { cause })
  return error
}
