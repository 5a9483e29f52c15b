/** What the admin API knows from the observer's calls: the last sessions, changes of backends, reloads. */
import { CLOSE_REASONS, type SessionEnd } from "../close-reason.js"
import type { Observer } from "../ops/observer.js"
import type { EndedSession, SessionSummary } from "../ops/session-summary.js"
import type { HealthChange } from "../pool/health.js"
import type { EndedStatus } from "./api-types.js"
import { EventStream } from "./event-stream.js"

/** Sessions that are remembered after their end. */
const MAX_ENDED = 200
/** Backends whose last change is remembered. */
const MAX_BACKENDS = 10_000

export interface BackendNews {
  readonly reason: string
  /** ISO 8601. */
  readonly since: string
}

interface Ended {
  readonly session: Readonly<EndedSession>
  readonly end: SessionEnd
  readonly atMs: number
}

export class History implements Partial<Observer> {
  readonly events = new EventStream()
  reloads = 0
  /** A ring: the next one goes to `#next`. */
  readonly #ended: Ended[] = []
  #next = 0
  readonly #news = new Map<string, BackendNews>()

  /** @param nowMs the time of day, as `Date.now` */
  constructor(private readonly nowMs: () => number = Date.now) {}

  tunnelOpened(session: Readonly<SessionSummary>): void {
    // A copy, because the session goes on to change its summary.
    if (this.events.isRead) this.events.publish({ event: "open", data: { ...session } })
  }

  sessionEnded(session: Readonly<EndedSession>, end: SessionEnd): void {
    const { level } = CLOSE_REASONS[end.reason]
    // Mostly probes of load balancers, which would soon take the places of all others.
    if (level === "debug") return
    const ended = { session, end, atMs: this.nowMs() }
    this.#ended[this.#next] = ended
    this.#next = (this.#next + 1) % MAX_ENDED
    if (this.events.isRead) {
      this.events.publish({ event: end.status === undefined ? "end" : "refuse", data: toStatus(ended) })
    }
  }

  healthChanged(pool: string, change: HealthChange): void {
    const { backend, isUp, reason, forMs } = change
    const key = keyOf(pool, backend)
    const since = new Date(this.nowMs()).toISOString()
    // Again at the end, as the oldest one is forgotten first.
    this.#news.delete(key)
    this.#news.set(key, { reason, since })
    const [oldest] = this.#news.keys()
    if (this.#news.size > MAX_BACKENDS && oldest !== undefined) this.#news.delete(oldest)
    const data = { pool, backend, state: isUp ? "up" : forMs === undefined ? "down" : "ejected", reason }
    if (this.events.isRead) this.events.publish({ event: "backend", data })
  }

  reloaded(changes: readonly string[]): void {
    this.reloads++
    if (this.events.isRead) this.events.publish({ event: "reload", data: { changes } })
  }

  draining(listener: string): void {
    if (this.events.isRead) this.events.publish({ event: "drain", data: { listener } })
  }

  /** @param cut how many tunnels its drain has cut */
  stopped(listener: string, cut: number): void {
    if (this.events.isRead) this.events.publish({ event: "stop", data: { listener, cut } })
  }

  workerEnded(worker: number, { message }: Error, sessions: number): void {
    const data = { worker, state: "ended", sessions, reason: message }
    if (this.events.isRead) this.events.publish({ event: "worker", data })
  }

  workerReplaced(worker: number): void {
    if (this.events.isRead) this.events.publish({ event: "worker", data: { worker, state: "replaced" } })
  }

  /** The last change of this backend, if there was one. */
  newsOf(pool: string, backend: string): BackendNews | undefined {
    return this.#news.get(keyOf(pool, backend))
  }

  /** The last sessions that have ended, the latest one first. */
  ended(): EndedStatus[] {
    return [...this.#ended.slice(this.#next), ...this.#ended.slice(0, this.#next)].reverse().map(toStatus)
  }
}

function toStatus({ session, end, atMs }: Ended): EndedStatus {
  return { ...session, endedAt: new Date(atMs).toISOString(), text: end.message }
}

function keyOf(pool: string, backend: string): string {
  return JSON.stringify([pool, backend])
}
