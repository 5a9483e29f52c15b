/**
 * Server-sent events (HTML Standard §9.2) for any number of readers. Each has a short queue: a reader that is
 * too slow, or a proxy that is too busy, loses events, and the reader is told how many.
 */
import { AdminError } from "./route.js"

/** One event: its name, and what becomes its JSON. */
export interface AdminEvent {
  readonly event: string
  readonly data: object
  /** Both, once a reader has taken it. */
  text?: string
}

const MAX_READERS = 10
/** Events that wait for a reader. */
const MAX_WAITING = 250
/** Events are written together, so that one reader costs a few writes per second at most. */
const PAUSE_MS = 100
/** A comment that shows that both are still there. Shorter than the idle timeouts of most proxies. */
const HEARTBEAT_MS = 15_000

export class EventStream {
  readonly #readers = new Set<Reader>()
  #hasEnded = false

  /** Whether somebody reads: else there is no need to make events. */
  get isRead(): boolean {
    return this.#readers.size > 0
  }

  /** Formats nothing: that is left to the readers that are quick enough. */
  publish(event: AdminEvent): void {
    for (const reader of this.#readers) reader.add(event)
  }

  /** No event comes after the last one: the readers get what waits for them, and their streams end. */
  end(): void {
    this.#hasEnded = true
    for (const reader of this.#readers) reader.end()
  }

  /**
   * The events from now on, in text/event-stream. Ends with the signal or with `end`.
   * @throws {AdminError} when there are too many readers
   */
  subscribe(signal: AbortSignal): AsyncIterable<string> {
    if (this.#readers.size >= MAX_READERS) {
      throw new AdminError(503, `there are ${MAX_READERS} readers of events already`)
    }
    const reader = new Reader(signal)
    this.#readers.add(reader)
    // Not at the end of the iteration: the response to a HEAD never begins it.
    signal.addEventListener("abort", () => this.#readers.delete(reader))
    if (this.#hasEnded) reader.end()
    return read(reader)
  }
}

async function* read(reader: Reader): AsyncIterable<string> {
  // The head is sent with the first part.
  yield ": rws\n\n"
  while (reader.hasMore) {
    await reader.pause(HEARTBEAT_MS)
    if (!reader.isGone) yield reader.take()
  }
}

/** Formatted once, however many read it. */
function toText(event: AdminEvent): string {
  event.text ??= `event: ${event.event}\ndata: ${JSON.stringify(event.data)}\n\n`
  return event.text
}

class Reader {
  #waiting: AdminEvent[] = []
  #lost = 0
  #wake = () => {}

  #isLast = false

  constructor(private readonly signal: AbortSignal) {
    signal.addEventListener("abort", () => this.#wake())
  }

  /** Nobody reads any more. */
  get isGone(): boolean {
    return this.signal.aborted
  }

  /** Whether something waits or may come. */
  get hasMore(): boolean {
    return !this.isGone && (!this.#isLast || this.#waiting.length > 0)
  }

  end(): void {
    this.#isLast = true
    this.#wake()
  }

  add(event: AdminEvent): void {
    if (this.#waiting.length < MAX_WAITING) this.#waiting.push(event)
    else this.#lost++
    this.#wake()
  }

  /** Resolves a moment after the next event, so that others come with it, or after the time. */
  async pause(longestMs: number): Promise<void> {
    if (this.#waiting.length === 0) await this.#wait(longestMs)
    if (this.#waiting.length > 0) await this.#wait(PAUSE_MS, true)
  }

  /** What has come since the last time. */
  take(): string {
    const events = this.#waiting
    const lost = this.#lost
    this.#waiting = []
    this.#lost = 0
    if (events.length === 0) return ": still here\n\n"
    const all = lost === 0 ? events : [...events, { event: "lost", data: { count: lost } }]
    return all.map(toText).join("")
  }

  /** Nothing comes any more. */
  get #isOver(): boolean {
    return this.isGone || this.#isLast
  }

  /** @param isFull whether only the end of the stream cuts it short */
  #wait(ms: number, isFull = false): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer)
        this.#wake = () => {}
        resolve()
      }
      const timer = setTimeout(done, ms)
      this.#wake = () => {
        if (!isFull || this.#isOver) done()
      }
      if (this.#isOver) done()
    })
  }
}
