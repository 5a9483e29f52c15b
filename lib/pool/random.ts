/**
 * The policy "random": draws two backends and prefers the less loaded one. The load stays nearly as even as
 * if all of them were compared, and proxies that see different loads do not all choose the same backend.
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

/** The index of one of them, drawn in proportion to the weights. */
function draw(backends: readonly Backend[], random: () => number): number {
  const total = backends.reduce((sum, { weight }) => sum + weight, 0)
  let left = Math.floor(random() * total)
  return backends.findIndex(({ weight }) => {
    left -= weight
    return left < 0
  })
}
