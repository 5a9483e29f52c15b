/** The policy "round_robin": sessions begin with each backend in turn, in proportion to its weight. */

import { createCells } from "../shared/cells.js"
import type { Backend } from "./backend.js"
import { CELL } from "./backend-cells.js"

/** Takes turns: one atomic counter in shared memory. */
export class RoundRobin {
  readonly #counter: Int32Array

  /** @param counter one cell; whoever has the same cell takes turns from the same round */
  constructor(counter: Int32Array = createCells(1)) {
    this.#counter = counter
  }

  /**
   * The next number from 0 to `length` - 1. The counter wraps around at 2^32, which may cut one round short.
   */
  next(length: number): number {
    return (Atomics.add(this.#counter, 0, 1) >>> 0) % length
  }
}

/** All backends in their own order, beginning with the one whose turn it is. */
export function orderRoundRobin(backends: readonly Backend[], turn: RoundRobin): readonly Backend[] {
  const areEqual = backends.every(({ weight }) => weight === backends[0]?.weight)
  return rotate(backends, areEqual ? turn.next(backends.length) : nextByWeight(backends))
}

/** Begins a new round, since the weights have changed: what was gained by other weights would distort it. */
export function restartRound(backends: readonly Backend[]): void {
  for (const { cells } of backends) Atomics.store(cells, CELL.currentWeight, 0)
}

/** The same list, beginning at index `first`. */
export function rotate(backends: readonly Backend[], first: number): readonly Backend[] {
  return [...backends.slice(first), ...backends.slice(0, first)]
}

/**
 * Smooth weighted round robin, as in nginx: every backend gains its weight; the one with the most comes first
 * and pays what all have gained. Each gets its exact share of a round, spread as evenly as possible.
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
