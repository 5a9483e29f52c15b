/** Slow start: a backend that comes back or is added gets a share of the sessions that grows linearly. */
import { CELL } from "./backend-cells.js"

/** Begins the backend's slow start now. */
export function beginSlowStart(cells: Int32Array, nowMs: number): void {
  Atomics.store(cells, CELL.startedAt, nowMs)
  Atomics.store(cells, CELL.isStarting, 1)
}

/** The part of its usual share that a backend gets now, from 0 to 1. */
export function startedPart(cells: Int32Array, slowStartMs: number, nowMs: number): number {
  if (Atomics.load(cells, CELL.isStarting) === 0) return 1
  // In 32 bits, as the clock may have wrapped around since. The flag keeps an old time from coming back.
  const ageMs = (nowMs - Atomics.load(cells, CELL.startedAt)) | 0
  if (ageMs >= 0 && ageMs < slowStartMs) return ageMs / slowStartMs
  Atomics.store(cells, CELL.isStarting, 0)
  return 1
}
