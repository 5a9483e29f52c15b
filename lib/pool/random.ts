/**
 * The policy "random": of two backends drawn by lot, the less loaded one. It keeps the load nearly as even as looking at all of
 * them would, and several proxies that see different loads don't all run to the same backend.
 */
import type { Backend } from "./backend.js"
import { compareLoad } from "./least-connections.js"
import { rotate } from "./round-robin.js"

/**
 * All backends: the better one of two, the other one, and then the rest in their own order.
 * @param random gives numbers from 0 (included) to 1 (excluded)
 */
export function orderRandom(backends: readonly Backend[], random: () => number): readonly Backend[] {
  const [one, ...others] = rotate(backends, draw(backends, random))
  const other = others[draw(others, random)]
  if (one === undefined || other === undefined) return backends
  const rest = others.filter((backend) => backend !== other)
  return compareLoad(one, other) <= 0 ? [one, other, ...rest] : [other, one, ...rest]
}

/** The index of one of them, each as likely as its weight says. */
function draw(backends: readonly Backend[], random: () => number): number {
  const total = backends.reduce((sum, { weight }) => sum + weight, 0)
  let left = Math.floor(random() * total)
  return backends.findIndex(({ weight }) => {
    left -= weight
    return left < 0
  })
}
