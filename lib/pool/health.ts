/**
 * Whether a backend may get sessions. Two things take one down: failed attempts of sessions (passive: it is
 * ejected for a while, then one session tries it; until then it is a last resort) and failed health checks
 * (active: until they pass again). All state is in the backend's cells, and every change of a bit is one
 * atomic step, so that exactly one caller reports it.
 */
import { CELL } from "./backend-cells.js"
import type { HealthThresholds } from "./health-check-settings.js"
import type { PoolSettings } from "./pool-settings.js"

/** A backend went down or came up. For each backend the two alternate. */
export interface HealthChange {
  /** Its name. */
  readonly backend: string
  readonly isUp: boolean
  /** One sentence, for the log. */
  readonly reason: string
  /** After how many milliseconds a session tries it again. Absent if only health checks bring it back. */
  readonly forMs?: number
}

type Change = Omit<HealthChange, "backend">
type FailSettings = Pick<PoolSettings, "max_fails" | "fail_timeout_ms">

/** Bits of the cell `down`. */
const EJECTED = 1
const UNHEALTHY = 2

/** Ejections double up to this time, unless `fail_timeout_ms` itself is longer. */
const MAX_EJECTION_MS = 300_000

/** Neither ejected nor unhealthy, as before the first attempt and the first health check. */
export function isUp(cells: Int32Array): boolean {
  return Atomics.load(cells, CELL.down) === 0
}

/** Taken down by health checks. */
export function isUnhealthy(cells: Int32Array): boolean {
  return (Atomics.load(cells, CELL.down) & UNHEALTHY) !== 0
}

/** Ejected by failed attempts, whatever health checks say. */
export function isEjected(cells: Int32Array): boolean {
  return (Atomics.load(cells, CELL.down) & EJECTED) !== 0
}

/** Ejected by failed attempts only. */
export function isOnlyEjected(cells: Int32Array): boolean {
  return Atomics.load(cells, CELL.down) === EJECTED
}

/** Whether a session may be sent there: it is up, or its ejection is over and it is due for a trial. */
export function isEligible(cells: Int32Array, settings: FailSettings, nowMs: number): boolean {
  return (
    isUp(cells) || (isOnlyEjected(cells) && isOver(Atomics.load(cells, CELL.ejectedUntil), settings, nowMs))
  )
}

/**
 * Whether the caller's session is the one that tries a backend whose ejection is over. If that says nothing
 * about the backend, since the client closes for example, another session gets a trial later.
 * @param attemptMs the longest that the trial may take; the next one comes after `fail_timeout_ms` at the
 * earliest
 */
export function claimTrial(
  cells: Int32Array,
  settings: FailSettings,
  nowMs: number,
  attemptMs: number,
): boolean {
  const until = Atomics.load(cells, CELL.ejectedUntil)
  if (!isOver(until, settings, nowMs)) return false
  const { fail_timeout_ms } = settings
  const pauseMs = Math.min(Math.max(fail_timeout_ms, attemptMs), maxEjectionMs(fail_timeout_ms))
  const next = (nowMs + pauseMs) | 0
  if (Atomics.compareExchange(cells, CELL.ejectedUntil, until, next) !== until) return false
  Atomics.store(cells, CELL.trial, 1)
  return true
}

/**
 * An attempt has failed. The `max_fails`-th within `fail_timeout_ms` ejects the backend for that long, and
 * every failed trial after that for twice the previous time.
 * @param what has failed, for the log
 * @param isSpared whether it must not be ejected, because no other is up. Called only when it matters
 */
export function failed(
  cells: Int32Array,
  settings: FailSettings,
  nowMs: number,
  what: string,
  isSpared: () => boolean,
): Change | undefined {
  const { max_fails, fail_timeout_ms } = settings
  if (max_fails === 0) return undefined
  if ((Atomics.load(cells, CELL.down) & EJECTED) !== 0) {
    // Without a trial in flight it was the last resort of a session.
    if (Atomics.exchange(cells, CELL.trial, 0) === 1) eject(cells, settings, nowMs)
    return undefined
  }
  const fails = countFail(cells, fail_timeout_ms, nowMs)
  if (fails < max_fails || isSpared()) return undefined
  const forMs = eject(cells, settings, nowMs)
  // Only checks that pass from now on may bring it back.
  if (Atomics.load(cells, CELL.streak) > 0) Atomics.store(cells, CELL.streak, 0)
  if (Atomics.or(cells, CELL.down, EJECTED) !== 0) return undefined
  const reason = `${counted(fails, "attempt")} failed within ${fail_timeout_ms} ms, the last one by ${what}`
  return { isUp: false, reason, forMs }
}

/**
 * An attempt has succeeded: forgets all failed ones.
 * @param stage at which that was certain
 */
export function passed(cells: Int32Array, stage: "dial" | "handshake"): Change | undefined {
  const isEjected = (Atomics.load(cells, CELL.down) & EJECTED) !== 0
  if (!isEjected && Atomics.load(cells, CELL.fails) === 0) return undefined
  forgetFails(cells)
  if (Atomics.and(cells, CELL.down, ~EJECTED) !== EJECTED) return undefined
  Atomics.add(cells, CELL.changes, 1)
  return { isUp: true, reason: `a ${stage} succeeded` }
}

/**
 * A health check has ended. Enough consecutive ones change the state; those that pass also end an ejection.
 * @param fault what was wrong; undefined if it passed
 */
export function checked(
  cells: Int32Array,
  fault: string | undefined,
  { healthy_threshold, unhealthy_threshold }: HealthThresholds,
): Change | undefined {
  const before = Atomics.load(cells, CELL.streak)
  if (fault === undefined) {
    const passed = Math.max(before, 0) + 1
    Atomics.store(cells, CELL.streak, passed)
    if (passed < healthy_threshold) return undefined
    const held = Atomics.exchange(cells, CELL.down, 0)
    if ((held & EJECTED) !== 0) forgetFails(cells)
    if (held === 0) return undefined
    Atomics.add(cells, CELL.changes, 1)
    return { isUp: true, reason: `${counted(passed, "health check")} passed` }
  }
  const failed = -Math.min(before, 0) + 1
  Atomics.store(cells, CELL.streak, -failed)
  if (failed < unhealthy_threshold) return undefined
  if (Atomics.or(cells, CELL.down, UNHEALTHY) !== 0) return undefined
  return { isUp: false, reason: `${counted(failed, "health check")} failed: ${fault}` }
}

/**
 * The settings have changed: whatever nothing would bring back any more is over. That is the verdict of
 * health checks that have been switched off, and an ejection in a pool that no longer ejects.
 */
export function settle(
  cells: Int32Array,
  { health_check, max_fails }: Pick<PoolSettings, "health_check" | "max_fails">,
): Change | undefined {
  if (health_check === undefined) Atomics.store(cells, CELL.streak, 0)
  if (max_fails === 0) forgetFails(cells)
  const kept = (health_check === undefined ? 0 : UNHEALTHY) | (max_fails === 0 ? 0 : EJECTED)
  const held = Atomics.and(cells, CELL.down, kept)
  if (held === 0 || (held & kept) !== 0) return undefined
  Atomics.add(cells, CELL.changes, 1)
  return { isUp: true, reason: "the configuration no longer says what took it down" }
}

/** Counts a failed attempt. Returns how many there are in the window that the first of them began. */
function countFail(cells: Int32Array, failTimeoutMs: number, nowMs: number): number {
  const age = (nowMs - Atomics.load(cells, CELL.windowStart)) | 0
  if (age >= 0 && age < failTimeoutMs && Atomics.load(cells, CELL.fails) > 0) {
    return Atomics.add(cells, CELL.fails, 1) + 1
  }
  Atomics.store(cells, CELL.windowStart, nowMs)
  Atomics.store(cells, CELL.fails, 1)
  return 1
}

/** Ejects the backend, or extends its ejection. Returns for how many milliseconds from now. */
function eject(cells: Int32Array, { fail_timeout_ms }: FailSettings, nowMs: number): number {
  Atomics.add(cells, CELL.changes, 1)
  const earlier = Atomics.add(cells, CELL.ejections, 1)
  const forMs = Math.min(fail_timeout_ms * 2 ** earlier, maxEjectionMs(fail_timeout_ms))
  Atomics.store(cells, CELL.ejectedUntil, nowMs + forMs)
  return forMs
}

function forgetFails(cells: Int32Array): void {
  Atomics.store(cells, CELL.fails, 0)
  Atomics.store(cells, CELL.ejections, 0)
  Atomics.store(cells, CELL.trial, 0)
}

/**
 * The difference is taken in 32 bits, so that it stays right when the clock wraps around. A time further off
 * than any ejection lies weeks in the past.
 */
function isOver(untilMs: number, { fail_timeout_ms }: FailSettings, nowMs: number): boolean {
  const leftMs = (untilMs - nowMs) | 0
  return leftMs <= 0 || leftMs > maxEjectionMs(fail_timeout_ms)
}

function maxEjectionMs(failTimeoutMs: number): number {
  return Math.max(MAX_EJECTION_MS, failTimeoutMs)
}

function counted(count: number, noun: string): string {
  return count === 1 ? `1 ${noun}` : `${count} ${noun}s`
}
