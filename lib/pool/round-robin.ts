/** The policy "round_robin": sessions begin with each backend in turn, as often as its weight says. */

import { allocate } from "../shared/cells.js"
import type { Backend } from "./backend.js"
import { CELL } from "./backend-cells.js"

/** A turn that goes round: one atomic counter in shared memory, so that worker threads can take turns from the same one. */
export class RoundRobin {
  readonly #counter: Int32Array

  /** `counter` has one cell that nothing else uses; it may be shared with other threads. */
  constructor(counter: Int32Array = allocate(1)) {
    this.#counter = counter
  }

  /** The next number from 0 to `length` - 1. The counter wraps around at 2^32, where one round may be cut short. */
  next(length: number): number {
    return (Atomics.add(this.#counter, 0, 1) >>> 0) % length
  }
}

/** All backends, from the one whose turn it is on, in their own order. */
export function orderRoundRobin(backends: readonly Backend[], turn: RoundRobin): readonly Backend[] {
  const areEqual = backends.every(({ weight }) => weight === backends[0]?.weight)
  return rotate(backends, areEqual ? turn.next(backends.length) : nextByWeight(backends))
}

/** The same list, begun at `first`. */
export function rotate(backends: readonly Backend[], first: number): readonly Backend[] {
  return [...backends.slice(first), ...backends.slice(0, first)]
}

/**
 * Smooth weighted round robin, as nginx has it: every backend gains its weight, the one with the most comes first and pays
 * what all have gained. So each gets its exact share of a round, and never more at a stretch than it must.
 */
function nextByWeight(backends: readonly Backend[]): number {
  let total = 0
  let first = 0
  let most = Number.NEGATIVE_INFINITY
  for (const [index, { cells, weight }] of backends.entries()) {
    const current = Atomics.add(cells, CELL.currentWeight, weight) + weight
    total += weight
    if (current > most) {
      most = current
      first = index
    }
  }
  const chosen = backends[first]
  if (chosen !== undefined) Atomics.sub(chosen.cells, CELL.currentWeight, total)
  return first
}
