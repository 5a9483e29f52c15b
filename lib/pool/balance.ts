/** The balancing policies by their names. */
import type { Backend } from "./backend.js"
import { orderByHash } from "./hash.js"
import { orderLeastConnections } from "./least-connections.js"
import type { Balance } from "./pool-settings.js"
import { orderRandom } from "./random.js"
import { orderRoundRobin, RoundRobin } from "./round-robin.js"

/**
 * Puts backends into the order in which one session may try them, each once.
 * @param key for the policy "hash", which falls back to round robin without one
 */
export type Order = (backends: readonly Backend[], key: string | undefined) => readonly Backend[]

/**
 * The policy of this name.
 * @param random gives numbers from 0 (included) to 1 (excluded). Default: `Math.random`
 * @param turn Default: one of its own
 */
export function orderBy(balance: Balance, random = Math.random, turn = new RoundRobin()): Order {
  switch (balance) {
    case "round_robin":
      return (backends) => orderRoundRobin(backends, turn)
    case "least_connections":
      return (backends) => orderLeastConnections(backends, turn)
    case "random":
      return (backends) => orderRandom(backends, random)
    case "hash":
      return (backends, key) =>
        key === undefined ? orderRoundRobin(backends, turn) : orderByHash(backends, key)
  }
}
