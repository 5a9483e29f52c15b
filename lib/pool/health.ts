/**
 * Is a backend fit for sessions? Two things take one down: dials that fail (passive: it is ejected for a
 * time, then one session tries it; until then it is a last resort) and health checks that fail (active:
 * until they pass again). All state is in the backend's cells, and every change of a bit is one atomic
 * step, so that each change is told by exactly one caller.
 */
import { CELL } from "./backend-cells.js"
import type { HealthThresholds, PoolSettings } from "./pool-settings.js"

/** A backend has gone down or come up. For each backend the two take turns. */
export interface HealthChange {
  /** Its name. */
  readonly backend: string
  readonly isUp: boolean
  /** One sentence, for the log. */
  readonly reason: string
  /** After how many milliseconds it is tried again. Absent where that is up to health checks. */
  readonly forMs?: number
}

type Change = Omit<HealthChange, "backend">
type FailSettings = Pick<PoolSettings, "max_fails" | "fail_timeout_ms">

/** Bits of the cell `down`. */
const OUT_BY_DIALS = 1
const UNHEALTHY = 2

/** What doubling ends at, unless `fail_timeout_ms` itself is longer. */
const MAX_OUT_MS = 300_000

/** Neither failed dials nor failed health checks hold against it. So it is before the first of either. */
export function isUp(cells: Int32Array): boolean {
  return Atomics.load(cells, CELL.down) === 0
}

/** Nothing but failed dials holds against it. */
export function isOnlyOut(cells: Int32Array): boolean {
  return Atomics.load(cells, CELL.down) === OUT_BY_DIALS
}

/** Whether a session may be sent there: it is up, or it is only out and the time for a trial has come. */
export function isUsable(cells: Int32Array, settings: FailSettings, nowMs: number): boolean {
  return isUp(cells) || (isOnlyOut(cells) && isOver(Atomics.load(cells, CELL.outUntil), settings, nowMs))
}

/**
 * Whether the caller's session is the one that tries a backend whose time out is over. Nothing is owed for it: should that
 * session never dial, another one gets a trial after `fail_timeout_ms`.
 */
export function claimTrial(cells: Int32Array, settings: FailSettings, nowMs: number): boolean {
  const until = Atomics.load(cells, CELL.outUntil)
  if (!isOver(until, settings, nowMs)) return false
  const next = (nowMs + settings.fail_timeout_ms) | 0
  if (Atomics.compareExchange(cells, CELL.outUntil, until, next) !== until) return false
  Atomics.store(cells, CELL.trial, 1)
  return true
}

/**
 * A dial has failed. The `max_fails`-th within `fail_timeout_ms` takes the backend out for that long, and every trial that
 * fails after that for twice the time before.
 * @param isSpared whether it must stay in all the same, because no other is up. Asked only when it matters
 */
export function dialFailed(
  cells: Int32Array,
  settings: FailSettings,
  nowMs: number,
  isSpared: () => boolean,
): Change | undefined {
  const { max_fails, fail_timeout_ms } = settings
  if (max_fails === 0) return undefined
  if ((Atomics.load(cells, CELL.down) & OUT_BY_DIALS) !== 0) {
    // Dials that were under way when the backend was taken out fail now, one after the other: they are no trials.
    if (Atomics.exchange(cells, CELL.trial, 0) === 1) extendOut(cells, settings, nowMs)
    return undefined
  }
  const fails = countFail(cells, fail_timeout_ms, nowMs)
  if (fails < max_fails || isSpared()) return undefined
  const forMs = extendOut(cells, settings, nowMs)
  // Only checks that pass from now on can say that it is back.
  if (Atomics.load(cells, CELL.streak) > 0) Atomics.store(cells, CELL.streak, 0)
  if (Atomics.or(cells, CELL.down, OUT_BY_DIALS) !== 0) return undefined
  return { isUp: false, reason: `${counted(fails, "dial")} failed within ${fail_timeout_ms} ms`, forMs }
}

/** A dial has succeeded: all failed ones are forgotten. */
export function dialled(cells: Int32Array): Change | undefined {
  const isOut = (Atomics.load(cells, CELL.down) & OUT_BY_DIALS) !== 0
  if (!isOut && Atomics.load(cells, CELL.fails) === 0) return undefined
  forgetDials(cells)
  if (Atomics.and(cells, CELL.down, ~OUT_BY_DIALS) !== OUT_BY_DIALS) return undefined
  return { isUp: true, reason: "a dial succeeded" }
}

/**
 * A health check has ended. Enough in a row make a verdict; a good one also ends the time out that failed dials have brought.
 * @param fault what was wrong; undefined when it passed
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
    if ((held & OUT_BY_DIALS) !== 0) forgetDials(cells)
    if (held === 0) return undefined
    return { isUp: true, reason: `${counted(passed, "health check")} passed` }
  }
  const failed = -Math.min(before, 0) + 1
  Atomics.store(cells, CELL.streak, -failed)
  if (failed < unhealthy_threshold) return undefined
  if (Atomics.or(cells, CELL.down, UNHEALTHY) !== 0) return undefined
  return { isUp: false, reason: `${counted(failed, "health check")} failed: ${fault}` }
}

/** Counts a failed dial. Returns how many there are in the window that began with the first of them. */
function countFail(cells: Int32Array, failTimeoutMs: number, nowMs: number): number {
  const age = (nowMs - Atomics.load(cells, CELL.windowStart)) | 0
  if (age >= 0 && age < failTimeoutMs && Atomics.load(cells, CELL.fails) > 0) {
    return Atomics.add(cells, CELL.fails, 1) + 1
  }
  Atomics.store(cells, CELL.windowStart, nowMs)
  Atomics.store(cells, CELL.fails, 1)
  return 1
}

/** Returns for how many milliseconds the backend is out from now on. */
function extendOut(cells: Int32Array, { fail_timeout_ms }: FailSettings, nowMs: number): number {
  const timesBefore = Atomics.add(cells, CELL.timesOut, 1)
  const forMs = Math.min(fail_timeout_ms * 2 ** timesBefore, maxOutMs(fail_timeout_ms))
  Atomics.store(cells, CELL.outUntil, nowMs + forMs)
  return forMs
}

function forgetDials(cells: Int32Array): void {
  Atomics.store(cells, CELL.fails, 0)
  Atomics.store(cells, CELL.timesOut, 0)
  Atomics.store(cells, CELL.trial, 0)
}

/**
 * The difference is taken in 32 bits, so that it stays right when the clock wraps around. A time that is further off than
 * any time out is one of weeks ago.
 */
function isOver(untilMs: number, { fail_timeout_ms }: FailSettings, nowMs: number): boolean {
  const leftMs = (untilMs - nowMs) | 0
  return leftMs <= 0 || leftMs > maxOutMs(fail_timeout_ms)
}

function maxOutMs(failTimeoutMs: number): number {
  return Math.max(MAX_OUT_MS, failTimeoutMs)
}

function counted(count: number, noun: string): string {
  return count === 1 ? `1 ${noun}` : `${count} ${noun}s`
}
