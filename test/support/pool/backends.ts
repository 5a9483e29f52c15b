/** Backends named A, B, C … for tests of balancing policies, and counts of their use. */
import { Backend } from "../../../lib/pool/backend.js"

/** One backend per weight. */
export function backendsOf(...weights: readonly number[]): Backend[] {
  return weights.map((weight, index) => new Backend({ address: `${letter(index)}:9000`, weight }))
}

/** Gives each backend this many sessions. */
export function load(backends: readonly Backend[], ...sessions: readonly number[]): void {
  for (const [index, backend] of backends.entries()) {
    for (let left = sessions[index] ?? 0; left > 0; left--) backend.acquire()
  }
}

/** Their names. */
export function namesOf(backends: readonly Backend[]): string[] {
  return backends.map(({ name }) => name.slice(0, -":9000".length))
}

/** How often each backend comes first in the orders of this many sessions. */
export function countFirsts(
  backends: readonly Backend[],
  sessions: number,
  order: (session: number) => readonly Backend[],
): number[] {
  const counts = new Map<Backend | undefined, number>()
  for (let session = 0; session < sessions; session++) {
    const [first] = order(session)
    counts.set(first, (counts.get(first) ?? 0) + 1)
  }
  return backends.map((backend) => counts.get(backend) ?? 0)
}

function letter(index: number): string {
  return String.fromCharCode("A".charCodeAt(0) + index)
}
