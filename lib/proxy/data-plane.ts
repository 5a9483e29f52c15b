/**
 * Who serves the listeners of a plan: this thread, or worker threads. Everything else, such as the
 * configuration, health checks, signals and the log, belongs to the main thread either way.
 */
import type { Address } from "../address/address.js"
import type { ClosedTunnels, SessionPage } from "../admin/api-types.js"
import type { SessionQuery } from "../admin/source.js"
import type { Config } from "../config/schema.js"
import type { ListeningServer } from "../net/listener.js"
import type { Observer } from "../ops/observer.js"
import type { Backend } from "../pool/backend.js"
import type { ListenerSettings } from "../session/listener-state.js"
import type { Clock } from "../shared/clock.js"
import type { Rows } from "../shared/rows.js"
import type { ListenerRows } from "./listener-rows.js"
import type { Pools } from "./pools.js"
import type { CountingThreads } from "./thread-rows.js"

/** No thread could carry out a change. It may succeed a moment later. */
export class NoThread extends Error {
  override readonly name = "NoThread"
}

/** A listener at work, wherever its sessions run. */
export interface ServedListener {
  readonly settings: ListenerSettings
  /** The bound address. Port 0 has been replaced by the port that the system chose. */
  readonly address: Address
  readonly sessions: { readonly size: number }
  /**
   * Binds the address, checks that it can be bound, or takes over an inherited socket. Rejects with a
   * `BindError`.
   */
  listen(inherited?: ListeningServer): Promise<void>
  /** Replaces the settings for sessions that begin from now on. */
  apply(settings: ListenerSettings, rows: ListenerRows): void
  /** How many tunnels its drain has cut so far. */
  readonly cut: number
  /** See `Drain.run`. The default of `delayMs` is 0. */
  drain(timeoutMs: number, delayMs?: number): Promise<void>
}

/** The part of a plan that a data plane serves. */
export interface ServedPlan {
  readonly config: Config
  readonly rows: Rows
  readonly listeners: readonly { readonly identity: string; readonly running: ServedListener }[]
  /** The event-loop delays of the threads that serve. See `LoopDelay`. */
  readonly loopDelays: readonly Float64Array[]
}

export interface NewListener {
  readonly identity: string
  readonly settings: ListenerSettings
  readonly rows: ListenerRows
}

/** The live sessions of this plane, for the admin API. */
export interface LiveSessions {
  /** The first `offset + limit` sessions that match, in order: those of other threads may come in between. */
  list(query: SessionQuery): Promise<SessionPage>
  /**
   * Resolves to whether there was one of this id; undefined if its thread has not replied in time, and closes
   * it once it can.
   */
  close(id: string): Promise<boolean | undefined>
  /** Closes the tunnels of a backend over `drain_spread_ms`. Resolves to how many there are. */
  closeTunnels(pool: string, backend: string): Promise<ClosedTunnels>
}

export interface DataPlane extends CountingThreads {
  /** Whether the plan's health checks run in this thread. */
  readonly runsChecks: boolean
  /** Whether sessions run in this thread. */
  readonly servesHere: boolean
  /** The event-loop delay of a main thread that serves nothing itself; undefined without metrics. */
  readonly mainLoopDelay?: Float64Array | undefined
  /** A listener that is new in a plan. */
  newListener(listener: NewListener, observer: Observer, clock: Clock): ServedListener
  /**
   * Does what can fail. Comes after `listen` of all new listeners. If it rejects, they are drained. Rejects
   * with a `NoThread` if all threads have died and none has been replaced yet.
   */
  prepare(plan: ServedPlan): Promise<void>
  /** Puts the prepared plan in place of the previous one. */
  start(): void
  /** Closes the tunnels of a backend that may have none now, on all listeners. */
  closeTunnels(backend: Backend): void
  /** A removed listener has drained. */
  forget(listener: ServedListener): void
  /** @param pools those of the current plan */
  liveSessions(pools: () => Pools | undefined): Promise<LiveSessions>
  /** Ends what is left once all listeners have drained. */
  stop(): Promise<void>
  /** For tests: makes a worker thread throw an error that nobody catches. */
  crash(worker: number): void
}
