/**
 * The policy "least_connections": the backend with the fewest sessions relative to its weight comes first.
 */
import type { Backend } from "./backend.js"
import { type RoundRobin, rotate } from "./round-robin.js"

/** All backends, the least loaded first. Equally loaded ones take turns. */
export function orderLeastConnections(backends: readonly Backend[], turn: RoundRobin): readonly Backend[] {
  return rotate(backends, turn.next(backends.length)).toSorted(compareLoad)
}

/** Negative if `one` has fewer sessions relative to its weight than `other`. */
export function compareLoad(one: Backend, other: Backend): number {
  return one.active * other.weight - other.active * one.weight
}
