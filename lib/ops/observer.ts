/**
 * The events of a proxy. Sessions, listeners and pools report to one observer, and know no other receiver.
 */
import type { Address } from "../address/address.js"
import type { SessionEnd } from "../close-reason.js"
import type { LogSettings } from "../config/schema.js"
import type { DescriptorShortage } from "../limits/descriptors.js"
import type { HealthChange } from "../pool/health.js"
import type { ProbeFault } from "../pool/probe.js"
import type { LogDetail } from "./log-detail.js"
import type { SessionStep } from "./session-step.js"
import type { EndedSession, SessionSummary } from "./session-summary.js"

/** The origin of a new configuration: a whole one from a file or program, or a change by the admin API. */
export type ReloadSource = "reload" | "api"

export interface Observer {
  /** A listener is bound. `backends` are those of its own pool, if it has one. */
  listening(listener: string, address: Address, backends: readonly string[] | undefined): void
  /**
   * The settings of the log, at the start and after each reload.
   * @param detail read by the sessions; it must follow the level of the log
   */
  logSettings(settings: LogSettings, detail: LogDetail): void
  /** A new configuration is in place. `changes` are in words; empty = nothing has changed. */
  reloaded(changes: readonly string[], source: ReloadSource): void
  /** A reload was refused, and the configuration before it stays. Not called for changes by the admin API. */
  reloadRefused(): void
  /**
   * The limit of open files is too low for all sessions that the listeners allow. Reported once, at start.
   */
  descriptorsShort(shortage: DescriptorShortage): void
  /** A listener begins to drain: a reload has removed it, or rws is about to stop. */
  draining(listener: string): void
  /** A listener has drained, and it has cut this many tunnels. */
  stopped(listener: string, cut: number): void
  /** A client could not be accepted, for lack of descriptors for example. */
  acceptFailed(listener: string, error: Error): void
  /** Only called if the log shows it; see `LogDetail`. */
  sessionStep(session: Readonly<SessionSummary>, step: SessionStep): void
  /** The client has got its 101. */
  tunnelOpened(session: Readonly<SessionSummary>): void
  /**
   * A session has ended, with or without a tunnel. Called once for every session, except for those of a
   * worker thread that dies.
   */
  sessionEnded(session: Readonly<EndedSession>, end: SessionEnd): void
  /** A backend could not be dialled, and the session tries another. */
  dialFailed(listener: string, backend: string, end: SessionEnd): void
  /** A backend went down or came up. */
  healthChanged(pool: string, change: HealthChange): void
  /** A health check failed because of this machine or a name server. The backend's health is unchanged. */
  checkImpossible(pool: string, backend: string, fault: ProbeFault): void
  /**
   * What rws asks about requests, such as a key set or the store of a registry, can't be reached or used.
   * Clients are refused unless something that was known before still holds.
   * @param service its key in the configuration
   */
  serviceFailed(service: string, what: string, error: unknown): void
  /**
   * A worker thread has died, or could not be started, and will be replaced.
   * @param worker its number, from 0
   * @param sessions how many sessions it had
   */
  workerEnded(worker: number, error: Error, sessions: number): void
  /** A worker thread serves in place of one that has ended. */
  workerReplaced(worker: number): void
  /** Of several worker threads only the first one serves this listener, since it is a Unix socket. */
  servedByOneWorker(listener: string): void
  /** A health check threw: a defect of rws. The backend's health is unchanged. */
  checkThrew(pool: string, backend: string, error: unknown): void
}

/** Passes every event on to several observers, each of which implements the calls that it needs. */
export class Observers implements Observer {
  constructor(private readonly observers: readonly Partial<Observer>[]) {}

  listening(listener: string, address: Address, backends: readonly string[] | undefined): void {
    for (const observer of this.observers) observer.listening?.(listener, address, backends)
  }

  logSettings(settings: LogSettings, detail: LogDetail): void {
    for (const observer of this.observers) observer.logSettings?.(settings, detail)
  }

  reloaded(changes: readonly string[], source: ReloadSource): void {
    for (const observer of this.observers) observer.reloaded?.(changes, source)
  }

  reloadRefused(): void {
    for (const observer of this.observers) observer.reloadRefused?.()
  }

  descriptorsShort(shortage: DescriptorShortage): void {
    for (const observer of this.observers) observer.descriptorsShort?.(shortage)
  }

  draining(listener: string): void {
    for (const observer of this.observers) observer.draining?.(listener)
  }

  stopped(listener: string, cut: number): void {
    for (const observer of this.observers) observer.stopped?.(listener, cut)
  }

  acceptFailed(listener: string, error: Error): void {
    for (const observer of this.observers) observer.acceptFailed?.(listener, error)
  }

  sessionStep(session: Readonly<SessionSummary>, step: SessionStep): void {
    for (const observer of this.observers) observer.sessionStep?.(session, step)
  }

  tunnelOpened(session: Readonly<SessionSummary>): void {
    for (const observer of this.observers) observer.tunnelOpened?.(session)
  }

  sessionEnded(session: Readonly<EndedSession>, end: SessionEnd): void {
    for (const observer of this.observers) observer.sessionEnded?.(session, end)
  }

  dialFailed(listener: string, backend: string, end: SessionEnd): void {
    for (const observer of this.observers) observer.dialFailed?.(listener, backend, end)
  }

  healthChanged(pool: string, change: HealthChange): void {
    for (const observer of this.observers) observer.healthChanged?.(pool, change)
  }

  checkImpossible(pool: string, backend: string, fault: ProbeFault): void {
    for (const observer of this.observers) observer.checkImpossible?.(pool, backend, fault)
  }

  checkThrew(pool: string, backend: string, error: unknown): void {
    for (const observer of this.observers) observer.checkThrew?.(pool, backend, error)
  }

  serviceFailed(service: string, what: string, error: unknown): void {
    for (const observer of this.observers) observer.serviceFailed?.(service, what, error)
  }

  workerEnded(worker: number, error: Error, sessions: number): void {
    for (const observer of this.observers) observer.workerEnded?.(worker, error, sessions)
  }

  workerReplaced(worker: number): void {
    for (const observer of this.observers) observer.workerReplaced?.(worker)
  }

  servedByOneWorker(listener: string): void {
    for (const observer of this.observers) observer.servedByOneWorker?.(listener)
  }
}
