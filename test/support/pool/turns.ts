import { setImmediate as nextTurn } from "node:timers/promises"

/** Long enough for any machine: reaching it is a failure, and it says of what. */
const TOO_LONG_MS = 30_000

/** Lets the event loop turn until something has become true that no event tells. */
export async function turnUntil(isTrue: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + TOO_LONG_MS
  while (!isTrue()) {
    if (performance.now() > deadline) throw new Error(`it did not come to ${what}`)
    await nextTurn()
  }
}
